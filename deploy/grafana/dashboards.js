// What each dashboard shows.
import { dashboard, panel, quantiles, rate, ready, recorded, value } from "./panels.js";

const gateway = (name) => `confab_gateway_${name}`;
const counters = (...names) => names.map((name) => rate(gateway(`${name}_total`)));

const overview = dashboard("overview", "overview", {
  People: [
    panel("Connections and sessions", "short", value(gateway("connections")), value(gateway("sessions"))),
    panel("Accounts that look online", "short", value(gateway("presence_accounts"), "namespace", "max")),
    panel("Sessions opened: time", "s", quantiles(gateway("open_seconds"))),
  ],
  Messages: [
    panel("Commands", "ops", rate(gateway("commands_total"))),
    panel("Deliveries", "ops", rate(gateway("frames_out_total"))),
    panel("Acknowledgement: time", "s", quantiles(gateway("acknowledge_seconds"))),
  ],
  Trouble: [
    panel("Refusals", "ops", rate(gateway("refusals_total"), "reason")),
    panel("Without an answer in time", "ops", rate(gateway("unknown_total"))),
    panel("Processes that are ready", "short", ready("gateway"), ready("worker")),
    panel("Panics", "ops", rate(gateway("panics_total")), rate("confab_worker_query_panics_total")),
  ],
});

const gateways = dashboard("gateway", "gateway", {
  Doors: [
    panel("Upgrades", "ops", ...counters("accepted"), rate(gateway("rejected_total"), "cause")),
    panel("Sessions that did not open", "ops", rate(gateway("openings_failed_total"))),
    panel("Sockets refused", "ops", rate(gateway("sockets_refused_total"), "cause")),
    panel("Closed, by close code", "ops", rate(gateway("closed_total"), "close_code")),
    panel("Asked to go elsewhere, as others have fewer", "short", rate(gateway("relieved_total")), value(gateway("relieved_here"))),
    panel("HTTP requests, by status", "reqps", rate(gateway("http_requests_total"), "status")),
    panel("HTTP requests: time", "s", quantiles(gateway("http_request_seconds"))),
    panel("Queries", "short", rate(gateway("queries_total")), value(gateway("queries_in_flight")), value(gateway("queries_waiting"))),
  ],
  Delivery: [
    panel("Frames", "ops", ...counters("frames_in", "frames_queued", "writes", "queue_dropped")),
    panel("Bytes", "Bps", ...counters("received_bytes", "sent_bytes")),
    panel("Bytes that wait", "bytes", value(gateway("waiting_bytes"))),
    panel("Fan-out: time", "s", quantiles(gateway("fanout_seconds"))),
    panel("In the queue of a connection: time", "s", quantiles(gateway("delivery_seconds"))),
    panel("Topics", "short", value(gateway("topics")), value(gateway("topics_waiting"))),
  ],
  Presence: [
    panel("Changes", "ops", ...counters("presence_changes", "presence_wholes")),
    panel("Changes: time", "s", quantiles(gateway("presence_seconds"))),
    panel("Losses", "ops", ...counters("presence_holes", "presence_questions", "presence_silent"), rate("confab_presence_questions_total")),
  ],
});

const lanes = dashboard("lanes", "lanes", {
  Lanes: [
    panel("Commands, by name", "ops", rate("confab_lane_commands_total", "command")),
    panel("Refusals", "ops", rate("confab_lane_refusals_total", "reason")),
    panel("Partitions", "short", value("confab_lane_partitions")),
    panel("Backlog", "short", value("confab_lane_backlog_entries")),
    panel("Commands in a transaction", "short", quantiles("confab_lane_batch_commands")),
    panel("Oldest beat that gateways heard", "s", value(gateway("beat_age_seconds"), "instance", "max")),
    panel("Repeats, and too old", "ops", rate("confab_lane_repeats_total"), rate("confab_lane_expired_total")),
    panel(
      "Failures",
      "ops",
      ...["confab_lane_poison_total", "confab_lane_restarts_total", "confab_lane_internal_failures_total"].map((name) => rate(name)),
    ),
    panel("Partitions taken", "ops", rate("confab_lane_takeovers_total")),
  ],
  Queries: [
    panel("Queries, by name", "ops", rate("confab_worker_queries_total", "query")),
    panel("Queries: time", "s", quantiles("confab_worker_query_seconds", "query")),
    panel("Queries: wait before", "s", quantiles("confab_worker_query_wait_seconds", "class")),
    panel("Refusals of queries", "ops", rate("confab_worker_query_refusals_total", "reason")),
    panel("Dropped", "ops", rate("confab_worker_query_late_total"), rate("confab_worker_query_unsent_total")),
  ],
  "Beside the lanes": [
    panel("Age of the oldest job", "s", value("confab_jobs_age_seconds", "kind", "max")),
    panel("Parked", "short", value("confab_jobs_parked", "kind", "max")),
    panel("Slices", "ops", rate("confab_jobs_slices_total", "kind"), rate("confab_jobs_failures_total", "kind")),
    panel("Events not read yet", "short", value("confab_consumer_lag_events", "consumer", "max")),
    panel("Consumers' failures", "ops", rate("confab_consumer_failures_total")),
    panel("Notifications planned, by reason", "ops", rate("confab_notification_planned_total", "reason")),
    panel("Notifications ended, by state", "ops", rate("confab_notification_ended_total", "state")),
    panel("Notifications that are overdue", "s", value("confab_notification_overdue_seconds", "job", "max")),
    panel("Pushes, by outcome", "ops", rate("confab_push_attempts_total", "outcome")),
    panel("Pushes: age", "s", quantiles("confab_push_age_seconds")),
    panel("Push services: time", "s", quantiles("confab_push_answer_seconds")),
    panel("Pushes that are overdue", "s", value("confab_push_overdue_seconds", "service", "max")),
    panel("Search", "short", value("confab_search_pending_notes", "namespace", "max"), rate("confab_search_blocks_total"), rate("confab_search_failures_total")),
  ],
});

const stores = dashboard("stores", "stores", {
  Postgres: [
    panel("COMMIT: time", "s", quantiles("confab_lane_commit_seconds")),
    panel("Events stored", "ops", rate("confab_lane_events_total")),
    panel("Registers written", "ops", rate("confab_lane_registers_total")),
  ],
  Redis: [
    panel("Last probe of the bus: time", "s", value(gateway("probe_seconds"), "instance", "max")),
    panel("Probes missed, messages lost", "ops", ...counters("probes_missed", "lost")),
    panel("Errors of lanes", "ops", rate("confab_lane_bus_errors_total")),
  ],
  "What the bus lost, and how it was repaired": [
    panel("Events heard", "ops", ...counters("events_in", "events_doubled", "garbled")),
    panel("Losses", "ops", ...counters("holes", "gaps", "dirty")),
    panel("Repairs", "ops", ...counters("repairs", "repairs_failed")),
  ],
});

const slo = dashboard("slo", "objectives", {
  "How fast budgets are spent: 1 is as planned": [
    panel("Over an hour (alerts at 14.4)", "short", recorded("confab:slo_burn:1h", "{{slo}}"), recorded("confab:slo_burn:5m", "{{slo}} 5m")),
    panel("Over six hours (alerts at 6)", "short", recorded("confab:slo_burn:6h", "{{slo}}"), recorded("confab:slo_burn:30m", "{{slo}} 30m")),
    panel("Over a day (alerts at 3)", "short", recorded("confab:slo_burn:1d", "{{slo}}"), recorded("confab:slo_burn:2h", "{{slo}} 2h")),
    panel("Over three days (alerts at 1)", "short", recorded("confab:slo_burn:3d", "{{slo}}"), recorded("confab:slo_burn:6h", "{{slo}} 6h")),
  ],
  "What they are made of": [
    panel("Asked for", "ops", recorded("confab:slo_total:rate5m", "{{slo}}")),
    panel("Bad", "ops", recorded("confab:slo_bad:rate5m", "{{slo}}")),
    panel("May be bad", "percentunit", recorded("confab:slo_budget", "{{slo}}")),
  ],
});

/** All of them. */
export const dashboards = { overview, gateway: gateways, lanes, stores, slo };
