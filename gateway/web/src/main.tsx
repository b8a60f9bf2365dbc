import { ErrorBoundary } from "solid-js";
import { render } from "solid-js/web";
import { applySettings } from "./app/settings.ts";
import { watchForUpdate } from "./app/update.ts";
import { watchDevice } from "./app/device.ts";
import { followKeyboard } from "./app/screen.ts";
import { showTooltips } from "./kit/tooltip.ts";
import { App } from "./view/app.tsx";
import { Broken } from "./view/broken.tsx";
import { keepWayBack } from "./view/back.ts";
import { listenForKeys } from "./view/keys.ts";
import "./view/views.ts";

const root = document.getElementById("app");
if (root !== null) {
  // What stands there while nothing is loaded.
  root.replaceChildren();
  applySettings();
  showTooltips();
  listenForKeys();
  watchDevice();
  followKeyboard();
  keepWayBack();
  void watchForUpdate();
  render(() => <ErrorBoundary fallback={(error: unknown) => <Broken error={error} />}><App /></ErrorBoundary>, root);
}
