import { lazy } from "solid-js";
import { currentChannel } from "../../app/place.ts";
import { togglePanel } from "../panel.ts";
import { registerCommand, registerPanel } from "../registry.ts";
import { permissions } from "../rights.ts";

const mayRead = () => {
  const channel = currentChannel();
  return channel !== undefined && permissions(channel.channel_id).has("READ_HISTORY");
};

registerPanel({
  id: "pins",
  title: "Pinned messages",
  icon: "pin",
  button: true,
  order: 80,
  when: mayRead,
  component: lazy(() => import("./pins.tsx")),
});

registerCommand({ id: "pins", title: "Pinned messages", icon: "pin", when: mayRead, run: () => togglePanel("pins") });
