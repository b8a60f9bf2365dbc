import { lazy } from "solid-js";
import { currentServer } from "../../app/place.ts";
import { registerCommand, registerPanel } from "../registry.ts";
import { FIELD, openSearch } from "./open.ts";

registerPanel({
  id: "search",
  title: "Search",
  icon: "search",
  button: true,
  keys: "Ctrl+KeyF",
  order: 70,
  component: lazy(() => import("./search.tsx")),
});

// A second Ctrl+F is the browser's, which finds in what is shown.
const isElsewhere = () => document.activeElement?.id !== FIELD;

registerCommand(
  { id: "search.here", title: "Search here", icon: "search", keys: "Ctrl+KeyF", when: () => currentServer() !== undefined && isElsewhere(), run: () => openSearch("server") },
  { id: "search.everywhere", title: "Search everywhere", icon: "search", keys: "Ctrl+Shift+KeyF", run: () => openSearch("everywhere") },
);
