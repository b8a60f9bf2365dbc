// What is left to do in a new server stands at the beginning of its first channel until it is dismissed.
import { lazy } from "solid-js";

export const FirstLines = lazy(() => import("./first-lines.tsx"));
