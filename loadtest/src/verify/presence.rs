//! Who is there while processes die: P14.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result};
use shared::{
    ids::UserId,
    protocol::presence::{PresenceChanged, PresenceState, SetStatus, StatusKind},
};
use tokio::time::Instant;

use super::trial::{BACK, Trial, until};
use crate::{
    client::{Client, Options, Status, log::Seen},
    cluster::Node,
    fixture::Fixture,
    requests::{get_presences, set_status, watch_presences},
};

/// Presence is right again within this time of a crash.
const RIGHT: Duration = Duration::from_secs(10);
/// Who resumes within this time was never gone: by then nobody takes a gateway for dead. A tester
/// that is busy may be later.
const RESUMED: Duration = Duration::from_secs(6);
/// Members that one watcher looks at.
const WATCHED: usize = 200;

/// Somebody with a session.
struct Somebody {
    client: Client,
    user: UserId,
}

/// Those who are looked at, by what they do when their gateway dies.
struct Cast {
    /// They know no other gateway.
    stay: Vec<Somebody>,
    /// They resume on the other one.
    move_on: Vec<Somebody>,
    /// The same, but nobody is to know that they are there.
    hidden: Vec<Somebody>,
}

/// A connection on the gateway that lives, which watches some of them.
struct Watcher {
    client: Client,
    whom: Vec<UserId>,
    /// How each looks by what was told.
    looks: BTreeMap<UserId, PresenceState>,
    /// Where in its log what it has not taken in begins.
    position: u64,
    /// What ends a watch came: the client watches anew.
    ended: bool,
}

/// P14: a gateway that holds many accounts is killed, and comes back. Who was there alone is gone
/// for those who watch, who resumed elsewhere never was, and who is hidden is never seen. Then the
/// workers die, and Redis loses everything.
pub(super) async fn crashed(trial: &mut Trial<'_>) -> Result<()> {
    let people: usize = trial.terms.size.choose(60, 300, 1_000);
    let fixture = trial.fixture(people + people.div_ceil(WATCHED)).await?;
    let mut cast = Cast::enter(&fixture, people).await?;
    let mut watchers = Watcher::several(&fixture, &cast, people).await?;
    settle(&mut watchers, &cast, PresenceState::Online).await?;
    trial.note(format!(
        "{people} people are there, a third of them hidden, and {} watch them",
        watchers.len()
    ));
    for _ in 0..trial.terms.size.choose(1, 2, 4) {
        kill_gateway(trial, &mut cast, &mut watchers).await?;
        let token = fixture.find_token(people)?;
        come_back(trial, (&mut cast, &mut watchers), token).await?;
    }
    kill_workers(trial, &cast, &watchers).await?;
    lose_redis(trial, &cast, &mut watchers).await
}

impl Cast {
    /// Everybody comes to the first gateway.
    async fn enter(fixture: &Fixture, people: usize) -> Result<Self> {
        let first = fixture.gateways.first().context("a gateway")?;
        let mut cast = Self {
            stay: Vec::new(),
            move_on: Vec::new(),
            hidden: Vec::new(),
        };
        for number in 0..people {
            let gateways = match number % 3 {
                0 => vec![first.clone()],
                _ => fixture.gateways.clone(),
            };
            let client = Client::connect(gateways, Options::default());
            let ready = client.identify(fixture.find_token(number)?).await?;
            let user = ready.user.user_id;
            let somebody = Somebody { client, user };
            match number % 3 {
                0 => cast.stay.push(somebody),
                1 => cast.move_on.push(somebody),
                _ => {
                    let hide = SetStatus {
                        status: StatusKind::Invisible,
                        ..set_status()
                    };
                    somebody.client.call(0, &hide).await?;
                    cast.hidden.push(somebody);
                }
            }
        }
        Ok(cast)
    }

    fn users(&self) -> impl Iterator<Item = UserId> {
        let all = self.stay.iter().chain(&self.move_on).chain(&self.hidden);
        all.map(|somebody| somebody.user)
    }

    /// How somebody has to look, while those who stay look so.
    fn due(&self, staying: PresenceState) -> BTreeMap<UserId, PresenceState> {
        let looks = |people: &[Somebody], state: PresenceState| {
            let looks = people.iter().map(|somebody| (somebody.user, state));
            looks.collect::<Vec<_>>()
        };
        let mut due = looks(&self.stay, staying);
        due.extend(looks(&self.move_on, PresenceState::Online));
        due.extend(looks(&self.hidden, PresenceState::Offline));
        due.into_iter().collect()
    }

    /// Waits until everybody who moves has a session on this gateway.
    async fn moved_to(&self, gateway: &str) -> Result<()> {
        for somebody in self.move_on.iter().chain(&self.hidden) {
            let here = |status: &Status| matches!(status, Status::Open(at) if at == gateway);
            somebody.client.until(here).await?;
        }
        Ok(())
    }
}

impl Watcher {
    /// As many as it takes, on the second gateway: members of the fixture from this one on.
    async fn several(fixture: &Fixture, cast: &Cast, from: usize) -> Result<Vec<Self>> {
        let users: Vec<UserId> = cast.users().collect();
        let second = fixture.gateways.get(1).context("a second gateway")?;
        let mut watchers = Vec::new();
        for (number, whom) in users.chunks(WATCHED).enumerate() {
            let token = fixture.find_token(from + number)?;
            watchers.push(Self::enter(second, token, whom.to_vec()).await?);
        }
        Ok(watchers)
    }

    /// One on a gateway, who watches these.
    async fn enter(gateway: &str, token: &str, whom: Vec<UserId>) -> Result<Self> {
        let client = Client::connect(vec![gateway.to_owned()], Options::default());
        client.identify(token).await?;
        let mut watcher = Self {
            client,
            whom,
            looks: BTreeMap::new(),
            position: 0,
            ended: false,
        };
        watcher.watch().await?;
        Ok(watcher)
    }

    /// The server that all are in.
    fn scope(&self) -> Result<u64> {
        let ready = self.client.ready().context("a session")?;
        let server = ready.servers.first().context("a server")?;
        Ok(server.server_id.get())
    }

    /// Watches from now on.
    async fn watch(&mut self) -> Result<()> {
        self.ended = false;
        self.position = self.client.log().end();
        let watch = watch_presences(self.whom.clone());
        let watched = self.client.call(self.scope()?, &watch).await;
        let members = watched.context("watching")?.members;
        self.looks = members.iter().map(|it| (it.user_id, it.state)).collect();
        Ok(())
    }

    /// Takes in what it was told since; answers whom that was about.
    fn take_in(&mut self) -> BTreeSet<UserId> {
        let fresh = self.client.log().since(self.position);
        self.position += fresh.len() as u64;
        let ends = |seen: &Seen| matches!(seen, Seen::Lost { .. } | Seen::Gap(_));
        self.ended |= fresh.iter().any(ends);
        let told = fresh.iter().filter_map(Seen::event::<PresenceChanged>);
        let mut about = BTreeSet::new();
        for change in told.flat_map(|changed| changed.changes) {
            self.looks.insert(change.user_id, change.state);
            about.insert(change.user_id);
        }
        about
    }

    /// Whether all that it watches look as they should.
    fn agrees(&self, due: &BTreeMap<UserId, PresenceState>) -> bool {
        self.looks
            .iter()
            .all(|(user, state)| due.get(user) == Some(state))
    }
}

/// Waits until all watchers see what they should; answers whom they were told of meanwhile.
async fn settle(
    watchers: &mut [Watcher],
    cast: &Cast,
    staying: PresenceState,
) -> Result<BTreeSet<UserId>> {
    let due = cast.due(staying);
    let mut about = BTreeSet::new();
    let all = async || {
        for watcher in &mut *watchers {
            about.extend(watcher.take_in());
        }
        anyhow::Ok(watchers.iter().all(|watcher| watcher.agrees(&due)))
    };
    until("everybody looks as he should", BACK, all).await?;
    Ok(about)
}

/// Those who stay are gone for the watchers in time; nothing is told of the others.
async fn kill_gateway(
    trial: &mut Trial<'_>,
    cast: &mut Cast,
    watchers: &mut [Watcher],
) -> Result<()> {
    let second = trial.cluster.addresses().pop().context("a gateway")?;
    trial.note("kill gateway-1");
    let began = Instant::now();
    first_gateway(trial)?.kill()?;
    cast.moved_to(&second).await?;
    let moved = began.elapsed();
    let about = settle(watchers, cast, PresenceState::Offline).await?;
    let took = began.elapsed();
    trial.measured(format!(
        "resumed elsewhere after {moved:.1?} at most; the others were gone after {took:.1?}"
    ));
    trial.in_time("that a gateway's accounts were gone", RIGHT, took);
    demand_quiet(trial, cast, &about, moved);
    Ok(())
}

/// Nothing was told of those who resumed in time, or are hidden.
fn demand_quiet(trial: &mut Trial<'_>, cast: &Cast, about: &BTreeSet<UserId>, moved: Duration) {
    let told = |people: &[Somebody]| {
        let told = people.iter().filter(|it| about.contains(&it.user));
        told.count()
    };
    let (seen, flickered) = (told(&cast.hidden), told(&cast.move_on));
    trial.outcome.counts.wrong += seen;
    trial.demand(seen == 0, || format!("{seen} who are hidden were told of"));
    trial.demand(flickered == 0 || moved > RESUMED, || {
        format!("{flickered} flickered who had resumed after {moved:.1?}")
    });
}

/// The gateway comes back, and everybody to it.
async fn come_back(
    trial: &mut Trial<'_>,
    (cast, watchers): (&mut Cast, &mut [Watcher]),
    token: &str,
) -> Result<()> {
    trial.note("start gateway-1 again");
    first_gateway(trial)?.restart()?;
    trial.all_ready(true, BACK).await?;
    let first = trial.cluster.addresses().into_iter().next();
    let first = first.context("a gateway")?;
    // Who watches there at once, before it has heard what the others have, is told of nobody either.
    let whom = cast.move_on.iter().chain(&cast.hidden);
    let whom = whom.map(|somebody| somebody.user).take(WATCHED).collect();
    let mut early = Watcher::enter(&first, token, whom).await?;
    let began = Instant::now();
    for somebody in cast.move_on.iter().chain(&cast.hidden) {
        somebody.client.resume_on(Some(&first)).await?;
    }
    cast.moved_to(&first).await?;
    let moved = began.elapsed();
    let mut about = settle(watchers, cast, PresenceState::Online).await?;
    about.extend(early.take_in());
    demand_quiet(trial, cast, &about, moved);
    Ok(())
}

/// Workers that have just started know soon who is there.
async fn kill_workers(trial: &mut Trial<'_>, cast: &Cast, watchers: &[Watcher]) -> Result<()> {
    trial.note("kill all workers, start them again");
    for worker in &trial.cluster.workers {
        worker.kill()?;
    }
    for worker in &trial.cluster.workers {
        worker.restart()?;
    }
    trial.all_ready(true, BACK).await?;
    let began = Instant::now();
    let due = cast.due(PresenceState::Online);
    for watcher in watchers {
        let scope = watcher.scope()?;
        let mut right = 0;
        // Whichever worker answers: each of them several times.
        until("workers say who is there", BACK, async || {
            let asked = get_presences(watcher.whom.clone());
            let Ok(presences) = watcher.client.call(scope, &asked).await else {
                return Ok(false);
            };
            let mut members = presences.members.iter();
            let agrees = members.all(|it| due.get(&it.user_id) == Some(&it.state));
            right = if agrees { right + 1 } else { 0 };
            Ok(right > 10)
        })
        .await?;
    }
    let took = began.elapsed();
    trial.measured(format!("new workers knew who is there after {took:.1?}"));
    trial.in_time("that new workers knew who is there", RIGHT, took);
    Ok(())
}

/// Nobody is gone because Redis is; what changes then is told.
async fn lose_redis(trial: &mut Trial<'_>, cast: &Cast, watchers: &mut [Watcher]) -> Result<()> {
    for watcher in &mut *watchers {
        watcher.take_in();
    }
    trial.note("Redis is killed and comes back empty");
    trial.cluster.restart_redis().await?;
    trial.all_ready(true, BACK).await?;
    // Longer than a silent gateway is waited for: who was lost would be told of by now.
    tokio::time::sleep(RIGHT).await;
    let mut about = BTreeSet::new();
    for watcher in &mut *watchers {
        about.extend(watcher.take_in());
        if watcher.ended {
            watcher.watch().await?;
        }
    }
    demand_quiet(trial, cast, &about, Duration::ZERO);
    let gone = cast.stay.iter().filter(|it| about.contains(&it.user));
    let gone = gone.count();
    trial.demand(gone == 0, || {
        format!("{gone} were told of without a reason")
    });
    let busy = SetStatus {
        status: StatusKind::Dnd,
        ..set_status()
    };
    for somebody in &cast.stay {
        somebody.client.call(0, &busy).await?;
    }
    let began = Instant::now();
    settle(watchers, cast, PresenceState::Dnd).await?;
    trial.in_time("that what changed was told", RIGHT, began.elapsed());
    Ok(())
}

fn first_gateway<'a>(trial: &'a Trial<'_>) -> Result<&'a Node> {
    trial.cluster.gateways.first().context("a gateway")
}
