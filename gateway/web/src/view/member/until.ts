import { now } from "../../app/clock.ts";
import { moment } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";

/** When it ends, if it begins now. */
export const until = (seconds: number): string => t("Until {time}", { time: moment(now() + seconds * 1000) });
