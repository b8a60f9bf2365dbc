// The views that put themselves into the registry before the page is drawn, a line for each.
import "./shell/index.ts";
import "./members/index.ts";
import "./pins/index.ts";
import "./search/index.ts";
import "./inbox/index.ts";
import "./timeline/index.ts";

// What nobody needs before the page is there: it is fetched beside it.
import("./later.ts").catch(() => undefined);
