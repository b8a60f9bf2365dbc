import "./menu.ts";
import "./dates.ts";
