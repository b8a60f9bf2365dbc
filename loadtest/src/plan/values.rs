//! A plan as values of the Helm chart, with what they follow from as comments.

use super::deployment::{Deployment, MEAN, WAITING};
use crate::measure::{Role, bytes, number};

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1_073_741_824.0;

/// The values, as YAML.
pub(super) fn render(plan: &Deployment) -> String {
    let text = explain(plan);
    let comments: String = text
        .lines()
        .map(|line| format!("# {line}").trim_end().to_owned() + "\n")
        .collect();
    comments + &values(plan)
}

fn values(plan: &Deployment) -> String {
    let Deployment {
        gateway,
        worker,
        lanes,
        ..
    } = plan;
    let memory = plan.gateway_memory / MIB;
    let postgres = plan.postgres_memory / GIB;
    format!(
        "gateway:
  replicas: {}
  config: {{CONFAB_MAX_CONNECTIONS: {}, CONFAB_MEMORY_BYTES: {WAITING}}}
  resources: {{requests: {{cpu: {}m, memory: {memory}Mi}}, limits: {{memory: {memory}Mi}}}}
  # Switch one of them on where something serves the number of connections; they aim at each gateway's share.
  autoscaling: {{enabled: false, minReplicas: 3, maxReplicas: {most}, connections: {target}}}
  keda: {{enabled: false, minReplicas: 3, maxReplicas: {most}, connections: {target}}}
worker:
  replicas: {}
  config: {{CONFAB_LANES: {lanes}}}
  resources: {{requests: {{cpu: {}m, memory: 512Mi}}, limits: {{memory: 1Gi}}}}
stores:
  # For `mode: cnpg`; the same for a Postgres of yours.
  cnpg:
    storage: {{size: {}Gi}}
    resources: {{requests: {{cpu: \"{}\", memory: {postgres}Gi}}, limits: {{memory: {postgres}Gi}}}}
    parameters: {{max_connections: \"{}\"}}
",
        gateway.replicas,
        plan.gateway_connections,
        milli(gateway.cpu),
        worker.replicas,
        milli(worker.cpu),
        plan.volume() / GIB,
        plan.postgres_cpu,
        plan.postgres_connections,
        most = plan.most_gateways(),
        target = plan.target(),
    )
}

fn milli(cpu: f64) -> f64 {
    (cpu * 1_000.0).round()
}

fn explain(plan: &Deployment) -> String {
    let demand = &plan.demand;
    let cpu = |role| number(plan.used.cpu.get(&role).copied().unwrap_or_default());
    let memory = |role| bytes(plan.used.memory.get(&role).copied().unwrap_or_default());
    let bits = |bytes: f64| number(bytes * 8.0 / 1e6);
    format!(
        "Made by: loadtest plan --connections {connections} --messages {messages} --room {room}
docs/capacity.md says how, and what it does not know. At the busiest, {deliveries} deliveries a second:

gateways  {gateways}, one of which may be away, or a zone of three. They use {gateway_cpu} CPUs and {gateway_memory} in all,
          and send {gateway_bits} Mbit/s, twice that to clients that speak JSON. When a zone is lost, {returning} sessions
          a second are opened for a minute.
workers   {workers}; lanes of each: {lanes}. They use {worker_cpu} CPUs and {worker_memory} in all.
Postgres  uses {postgres_cpu} CPUs, for {commits} commits a second at most. With a mean of {mean} % of the messages, a day
          leaves {day} for good and writes {log} of log; {kept} more go after a week or two.
Redis     uses {redis_cpu} of the one CPU that it has, and sends {redis_bits} Mbit/s. Give it 2 CPUs and {redis_memory}
          (maxmemory), and the same to each copy that may take its place.
",
        connections = demand.connections,
        messages = demand.messages,
        room = demand.room,
        deliveries = number(demand.deliveries()),
        gateways = plan.gateway.replicas,
        gateway_cpu = cpu(Role::Gateway),
        gateway_memory = memory(Role::Gateway),
        gateway_bits = bits(plan.gateway_out),
        returning = number(plan.returning),
        workers = plan.worker.replicas,
        lanes = plan.lanes,
        worker_cpu = cpu(Role::Worker),
        worker_memory = memory(Role::Worker),
        postgres_cpu = cpu(Role::Postgres),
        commits = number(plan.commits),
        mean = MEAN * 100.0,
        day = bytes(plan.disk_day),
        log = bytes(plan.log_day),
        kept = bytes(plan.disk_kept),
        redis_cpu = cpu(Role::Redis),
        redis_bits = bits(plan.redis_out),
        redis_memory = bytes(plan.redis_memory),
    )
}
