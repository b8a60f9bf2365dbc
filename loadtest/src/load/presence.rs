//! Presence: people come and go in a large server, and some watch members of it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use shared::{
    frame,
    ids::{Id, ServerId, UserId},
    protocol::presence::PresenceChanged,
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{descriptors, options::Options, progress, target::Target};
use crate::{
    client::{self, Client, log::Seen},
    cluster::{Cluster, node_metric},
    measure::{Better, Figure, Report, Role, Sampler, Usage, real},
    random::Random,
    requests::{create_invite, create_server, join_as_guest, redeem_invite, watch_presences},
};

/// People who are made, or connected, at once.
const AT_ONCE: usize = 64;
/// The first id of members that are written straight into Postgres: none that a lane makes is so
/// small.
const CROWD: u64 = 1_000_000;

/// People who come and go.
#[derive(Debug, Clone, Args)]
pub struct Presence {
    /// Members of the server; those who never come are written straight into Postgres.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub members: u32,
    /// Members who come and go.
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub people: u32,
    /// Changes per second, of all together.
    #[arg(long, value_name = "COUNT", default_value_t = 100.0)]
    pub rate: f64,
    /// What changes.
    #[arg(long, value_enum, default_value_t = How::Come)]
    pub how: How,
    /// Connections that watch.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub watchers: u32,
    /// Members that each of them watches, drawn from all.
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub watched: u32,
}

/// How people change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum How {
    /// They open sessions and say goodbye.
    Come,
    /// They stay, and their devices are used or not: what presence costs without sessions.
    Idle,
}

/// One of those who come and go.
struct Somebody {
    token: String,
    user: UserId,
}

/// A connection that watches.
struct Watcher {
    client: Client,
    /// Where its log was read up to.
    position: u64,
}

/// What the watchers were told, and the gateways told each other.
#[derive(Default, Clone, Copy)]
struct Marks {
    frames: u64,
    bytes: u64,
    changes: u64,
    /// Counted by the gateways.
    told: u64,
}

impl Presence {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        descriptors::ensure(self.people as usize + self.watchers as usize)?;
        let target = Target::confab(options, &[]).await?;
        let cluster = target.cluster().context("a private cluster is needed")?;
        let mut report = Report::new("presence");
        report.set("seed", options.seed());
        report.set("members", self.members.max(self.people));
        report.set("people", self.people);
        report.set("how", format!("{:?}", self.how).to_lowercase());
        report.set("rate", format!("{}/s", self.rate));
        report.set("watchers", self.watchers);
        report.set("watched", self.watched);
        let mut random = Random::new(options.seed());
        let (server, people) = self.make_people(cluster).await?;
        progress::say(&format!("presence: {} people are members", people.len()));
        let crowd = self.fill_server(cluster, server, people.len()).await?;
        let mut members: Vec<UserId> = people.iter().map(|somebody| somebody.user).collect();
        members.extend((0..crowd).filter_map(|number| Id::new(CROWD + number)));
        let mut watchers = self
            .make_watchers(cluster, server, (&people, &members), &mut random)
            .await?;
        progress::say(&format!("presence: {} watch", watchers.len()));

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let every = Duration::from_secs_f64(real(people.len() as u64) / self.rate.max(0.001));
        let urls = Arc::new(cluster.addresses());
        for somebody in people {
            let begin = every.mul_f64(real(random.below(1_000)) / 1_000.0);
            let change = change(
                self.how,
                urls.clone(),
                somebody,
                (begin, every),
                stop.clone(),
            );
            tasks.spawn(change);
        }
        // Once everybody has changed for the first time.
        sleep(every + Duration::from_secs(options.warm_up.into())).await;
        self.measure(&target, options, &mut watchers, &mut report)
            .await?;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        Ok(report)
    }

    /// A server and people who are members of it.
    async fn make_people(&self, cluster: &Cluster) -> Result<(ServerId, Vec<Somebody>)> {
        let urls = cluster.addresses();
        let (owner, _) = guest(&urls).await?;
        let made = owner.call(0, &create_server("Presence")).await?;
        let server = made.server.server_id;
        let code = owner.call(server.get(), &create_invite()).await?.code;
        let count = self.people.max(1);
        let people = stream::iter(0..count).map(|_| async {
            let (client, somebody) = guest(&urls).await?;
            client.call(0, &redeem_invite(&code)).await?;
            client.close().await;
            anyhow::Ok(somebody)
        });
        let people = people.buffered(AT_ONCE).try_collect().await?;
        owner.close().await;
        Ok((server, people))
    }

    /// Members who never come; answers how many.
    async fn fill_server(&self, cluster: &Cluster, server: ServerId, there: usize) -> Result<u64> {
        let crowd = u64::from(self.members).saturating_sub(there as u64);
        let (first, count) = (CROWD.cast_signed(), crowd.cast_signed());
        let server = server.get().cast_signed();
        let fill = cluster.sql(async |client| {
            let join = "INSERT INTO members (server, account, roles, sort_name)
                        SELECT $1, n, '{}', 'crowd' || n
                        FROM generate_series($2::int8, $2 + $3 - 1) AS n";
            client.execute(join, &[&server, &first, &count]).await?;
            let grow =
                "UPDATE servers SET member_count = member_count + $2::int8::int WHERE id = $1";
            client.execute(grow, &[&server, &count]).await?;
            client.batch_execute("ANALYZE members").await
        });
        fill.await.context("filling the server")?;
        Ok(crowd)
    }

    /// Connections that watch; as members they are the first of the people, on other devices.
    async fn make_watchers(
        &self,
        cluster: &Cluster,
        server: ServerId,
        (people, members): (&[Somebody], &[UserId]),
        random: &mut Random,
    ) -> Result<Vec<Watcher>> {
        let urls = cluster.addresses();
        let mut wanted = Vec::new();
        for (number, somebody) in (0..self.watchers as usize).zip(people.iter().cycle()) {
            let whom: Vec<UserId> = (0..self.watched)
                .filter_map(|_| random.pick(members).copied())
                .collect();
            let mut urls = urls.clone();
            let first = number.checked_rem(urls.len()).unwrap_or_default();
            urls.rotate_left(first);
            wanted.push((urls, somebody.token.clone(), whom));
        }
        let watchers = stream::iter(wanted).map(|(urls, token, whom)| async move {
            let client = Client::connect(urls, client::Options::default());
            client.identify(&token).await?;
            client.call(server.get(), &watch_presences(whom)).await?;
            let position = client.log().end();
            anyhow::Ok(Watcher { client, position })
        });
        watchers.buffered(AT_ONCE).try_collect().await
    }

    /// Measures the windows, and notes what they say.
    async fn measure(
        &self,
        target: &Target,
        options: &Options,
        watchers: &mut [Watcher],
        report: &mut Report,
    ) -> Result<()> {
        let cluster = target.cluster().context("a private cluster is needed")?;
        let mut sampler = Sampler::default();
        target.watch(&mut sampler);
        let watching = real(watchers.len() as u64);
        let mut figures: [Vec<f64>; 6] = std::array::from_fn(|_| Vec::new());
        let mut heard = 0;
        let mut before = read_marks(cluster, watchers, Marks::default()).await?;
        for _ in 0..options.windows {
            let (began, from) = (Instant::now(), sampler.mark());
            sleep(Duration::from_secs(options.seconds.into())).await;
            let after = read_marks(cluster, watchers, before).await?;
            let seconds = began.elapsed().as_secs_f64();
            let usage = sampler.mark().since(&from);
            let told = real(after.told.saturating_sub(before.told).max(1));
            let cpu = |role| usage.get(&role).map_or(0.0, |usage: &Usage| usage.cpu) * 1e6 / told;
            let bytes = real(after.bytes - before.bytes);
            let changes = after.changes - before.changes;
            heard += changes;
            let window = [
                told / seconds,
                bytes / watching / seconds,
                real(after.frames - before.frames) / watching / seconds,
                bytes / real(changes.max(1)),
                cpu(Role::Gateway),
                cpu(Role::Worker),
            ];
            for (figure, value) in figures.iter_mut().zip(window) {
                figure.push(value);
            }
            for (role, used) in usage {
                report.usage.entry(role).or_default().follow(&used);
            }
            before = after;
        }
        let lost = watchers.iter().filter(|it| it.client.was_lost()).count();
        report.promise("no watcher is cut", format!("{lost} were"), lost == 0);
        report.promise("watchers hear of changes", heard.to_string(), heard > 0);
        let frames = figures.get(2).into_iter().flatten();
        let most = frames.copied().fold(0.0, f64::max);
        // A window may begin just before a frame and end just behind one.
        let bound = 1.0 + 1.0 / f64::from(options.seconds);
        report.promise(
            "at most one frame per watcher and second",
            format!("{most:.2}"),
            most <= bound,
        );
        let [told, bytes, frames, size, gateway, worker] = figures;
        report.figures.extend([
            Figure::of("changes told", "/s", Better::Neither, told),
            Figure::of("bytes per watcher", "/s", Better::Less, bytes),
            Figure::of("frames per watcher", "/s", Better::Less, frames),
            Figure::of("bytes per change heard", "bytes", Better::Less, size),
            Figure::of("gateway CPU per change", "us", Better::Less, gateway),
            Figure::of("worker CPU per change", "us", Better::Less, worker),
        ]);
        Ok(())
    }
}

/// A guest, signed in.
async fn guest(urls: &[String]) -> Result<(Client, Somebody)> {
    let client = Client::connect(urls.to_vec(), client::Options::default());
    let signed_in = client.call(0, &join_as_guest()).await?;
    client.identify(&signed_in.token).await?;
    let (token, user) = (signed_in.token, signed_in.user.user_id);
    Ok((client, Somebody { token, user }))
}

/// What everybody was told up to now.
async fn read_marks(cluster: &Cluster, watchers: &mut [Watcher], before: Marks) -> Result<Marks> {
    let mut marks = Marks { told: 0, ..before };
    for watcher in watchers {
        let fresh = watcher.client.log().since(watcher.position);
        watcher.position += fresh.len() as u64;
        for seen in fresh {
            if let Seen::Event { opcode, body, .. } = &seen
                && let Some(changed) = seen.event::<PresenceChanged>()
            {
                marks.frames += 1;
                marks.bytes += frame::websocket_event(0, 0, *opcode, body).len() as u64;
                marks.changes += changed.changes.len() as u64;
            }
        }
    }
    for gateway in &cluster.gateways {
        marks.told += node_metric(gateway, "confab_gateway_presence_changes_total").await?;
    }
    Ok(marks)
}

/// Changes again and again until it is stopped.
async fn change(
    how: How,
    urls: Arc<Vec<String>>,
    somebody: Somebody,
    (begin, every): (Duration, Duration),
    stop: CancellationToken,
) {
    let mut due = interval(every.max(Duration::from_millis(1)));
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    if stop.run_until_cancelled(sleep(begin)).await.is_none() {
        return;
    }
    let mut there: Option<Client> = None;
    let mut idle = false;
    while stop.run_until_cancelled(due.tick()).await.is_some() {
        match (there.take(), how) {
            (Some(client), How::Come) => client.say_goodbye().await,
            (Some(client), How::Idle) => {
                idle = !idle;
                drop(client.set_idle(idle).await);
                there = Some(client);
            }
            (None, _) => {
                let client = Client::connect(urls.to_vec(), client::Options::default());
                drop(client.identify(&somebody.token).await);
                there = Some(client);
            }
        }
    }
    if let Some(client) = there {
        client.close().await;
    }
}
