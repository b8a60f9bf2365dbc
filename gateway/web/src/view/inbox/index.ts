import { lazy } from "solid-js";
import { togglePanel } from "../panel.ts";
import { registerCommand, registerPanel } from "../registry.ts";

registerPanel({ id: "inbox", title: "Inbox", icon: "inbox", order: 60, component: lazy(() => import("./inbox.tsx")) });

registerCommand({ id: "inbox", title: "Inbox", icon: "inbox", run: () => togglePanel("inbox") });
