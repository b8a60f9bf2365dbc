import { ErrorBoundary } from "solid-js";
import { render } from "solid-js/web";
import { applySettings } from "./app/settings.ts";
import { watchForUpdate } from "./app/update.ts";
import { watchDevice } from "./app/device.ts";
import { showTooltips } from "./kit/tooltip.ts";
import { App } from "./view/app.tsx";
import { Broken } from "./view/broken.tsx";
import { listenForKeys } from "./view/keys.ts";
import "./view/views.ts";

const root = document.getElementById("app");
if (root !== null) {
  applySettings();
  showTooltips();
  listenForKeys();
  watchDevice();
  void watchForUpdate();
  render(() => <ErrorBoundary fallback={(error: unknown) => <Broken error={error} />}><App /></ErrorBoundary>, root);
}
