import "./menu.ts";
