// Every view that puts itself into the registry, a line for each.
import "./shell/index.ts";
import "./members/index.ts";
import "./timeline/index.ts";
