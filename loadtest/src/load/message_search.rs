//! Search: how long an answer takes among a million messages, operator by operator, beside
//! reading one message by its key.
//!
//! The messages are written straight into Postgres: lanes would take minutes for them, and what
//! is measured is reading. Their words follow a power law, as words of people do.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use shared::{
    ids::{ChannelId, Id, MessageId},
    protocol::channel::GetChannels,
};
use tokio::time::sleep;

use super::{options::Options, progress, target::Target};
use crate::{
    client::{self, Client},
    cluster::Cluster,
    measure::{Better, Figure, Latency, Report, real},
    random::Random,
    requests::{create_channel, create_server, get_message, join_as_guest, search_messages},
};

/// Messages that one statement writes.
const BATCH: u64 = 10_000;
/// Different words, from the most common to the rarest.
const WORDS: u64 = 20_000;
/// Different authors.
const AUTHORS: u64 = 1_000;
/// From the first message to the last are three years: this many ids of one partition.
const SPAN: u64 = (94_000 << 12) * 1_000_000;
/// How long the index may take.
const PATIENCE: Duration = Duration::from_mins(20);

/// Searches among many messages.
#[derive(Debug, Clone, Args)]
pub struct Search {
    /// Messages that there are, half of them in one channel.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    pub messages: u64,
    /// Channels that they are in.
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub channels: u32,
    /// Searches of each kind.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub searches: u32,
}

/// A kind of search: its name, and the query that a random number makes.
type Kind = (&'static str, fn(&Text, &mut Random) -> String);

const KINDS: [Kind; 11] = [
    ("common word", |text, random| text.word(random.below(50))),
    ("word of every thousandth message", |text, random| {
        text.word(1_000 + random.below(500))
    }),
    ("rare word", |text, random| {
        text.word(WORDS - 1_000 + random.below(1_000))
    }),
    ("part of a rare word", |text, random| {
        text.word(WORDS - 1_000 + random.below(1_000))
            .chars()
            .skip(1)
            .collect()
    }),
    ("word that nobody said", |_, random| {
        format!("xyzzy{}", random.below(1_000))
    }),
    ("two Chinese characters", |_, random| Text::dense(random)),
    ("from:", |_, random| {
        format!("from:{}", 1 + random.below(AUTHORS))
    }),
    ("from: and a rare word", |text, random| {
        let from = 1 + random.below(AUTHORS);
        format!("from:{from} {}", text.word(WORDS - 1_000))
    }),
    ("has:link", |_, _| "has:link".to_owned()),
    ("before: and a rare word", |text, random| {
        format!(
            "before:2028-01-01 {}",
            text.word(WORDS - 1 - random.below(1_000))
        )
    }),
    ("after: and a rare word", |text, random| {
        format!(
            "after:2028-01-01 {}",
            text.word(WORDS - 1 - random.below(1_000))
        )
    }),
];

impl Search {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let target = Target::confab(options, &[]).await?;
        let cluster = target.cluster().context("a private cluster is needed")?;
        let mut report = Report::new("search");
        let (seed, text) = (options.seed(), Text::new());
        report.set("seed", seed);
        report.set("messages", self.messages);
        report.set("channels", self.channels);
        let client = Client::connect(cluster.addresses(), client::Options::default());
        let guest = client.call(0, &join_as_guest()).await?;
        client.identify(&guest.token).await?;
        let server = client
            .call(0, &create_server("Search"))
            .await?
            .server
            .server_id;
        for number in 1..self.channels {
            let create = create_channel(&format!("room-{number}"), Vec::new());
            client.call(server.get(), &create).await?;
        }
        let channels = client.call(server.get(), &GetChannels {}).await?.channels;
        let channels: Vec<ChannelId> = channels.iter().map(|it| it.channel_id).collect();
        let mut random = Random::new(seed);
        let rooms = self.fill(cluster, &channels, &text, &mut random).await?;
        let began = Instant::now();
        wait_for_index(cluster).await?;
        let took = began.elapsed().as_secs_f64();
        report
            .figures
            .push(Figure::once("index", "s", Better::Less, took));

        let mut baseline = Latency::default();
        for _ in 0..self.searches * 10 {
            let (channel, messages) = random.pick(&rooms).context("there is no channel")?;
            let message = random.pick(messages).context("a channel is empty")?;
            let began = Instant::now();
            client
                .call(server.get(), &get_message(*channel, *message))
                .await?;
            baseline.record(began.elapsed());
        }
        let base = baseline.millis(0.95);
        report
            .latencies
            .insert("message_get".to_owned(), baseline.percentiles());
        report
            .figures
            .push(Figure::once("message_get p95", "ms", Better::Less, base));
        let busiest = format!(" in:{}", channels.first().context("no channel")?);
        for (name, query) in KINDS {
            for (place, scope, suffix) in [
                ("one channel", server.get(), busiest.as_str()),
                ("a server", server.get(), ""),
                ("everything", 0, ""),
            ] {
                let mut first = Latency::default();
                let (mut hits, mut answers) = (0, 0);
                for _ in 0..self.searches {
                    let query = format!("{}{suffix}", query(&text, &mut random));
                    let mut search = search_messages(&query);
                    let began = Instant::now();
                    let mut page = client.call(scope, &search).await?;
                    first.record(began.elapsed());
                    answers += 1;
                    // What fills a page, or looks through all.
                    while page.next.is_some() && page.messages.is_empty() && answers < 100_000 {
                        search.before = page.next;
                        page = client.call(scope, &search).await?;
                        answers += 1;
                    }
                    hits += page.messages.len() as u64;
                }
                let of = format!("{name}, {place}");
                let p95 = first.millis(0.95);
                progress::say(&format!(
                    "{of}: p50 {:.1} p95 {p95:.1} ms, {:.0} times message_get, {} hits and {} answers a search",
                    first.millis(0.5),
                    p95 / base,
                    hits / u64::from(self.searches),
                    real(answers) / f64::from(self.searches),
                ));
                report
                    .figures
                    .push(Figure::once(&format!("{of}: p95"), "ms", Better::Less, p95));
                report.latencies.insert(of, first.percentiles());
            }
        }
        client.close().await;
        Ok(report)
    }

    /// Writes the messages; answers with some of each channel.
    async fn fill(
        &self,
        cluster: &Cluster,
        channels: &[ChannelId],
        text: &Text,
        random: &mut Random,
    ) -> Result<Vec<(ChannelId, Vec<MessageId>)>> {
        let first = channels
            .iter()
            .map(|it| it.get())
            .max()
            .context("no channel")?;
        let mut rooms: Vec<(ChannelId, Vec<MessageId>)> = channels
            .iter()
            .map(|channel| (*channel, Vec::new()))
            .collect();
        let mut seqs = vec![0_i64; channels.len()];
        let mut written = 0;
        while written < self.messages {
            let (mut of, mut seq, mut ids) = (Vec::new(), Vec::new(), Vec::new());
            let (mut authors, mut contents) = (Vec::new(), Vec::new());
            for _ in 0..BATCH.min(self.messages - written) {
                written += 1;
                // Half of them in the first channel.
                let place = if random.below(2) == 0 {
                    0
                } else {
                    random.below(channels.len() as u64)
                };
                let place = usize::try_from(place)?;
                let (Some((channel, kept)), Some(last)) =
                    (rooms.get_mut(place), seqs.get_mut(place))
                else {
                    continue;
                };
                *last += 1;
                let id: MessageId =
                    Id::new(first + SPAN / self.messages.max(1) * written).context("an id")?;
                if kept.len() < 1_000 {
                    kept.push(id);
                }
                of.push(channel.sql());
                seq.push(*last);
                ids.push(id.sql());
                authors.push((1 + random.below(AUTHORS)).cast_signed());
                contents.push(text.message(random));
            }
            let sql = "INSERT INTO messages (channel, seq, id, author, content)
                       SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::int8[], $5::text[])";
            cluster
                .sql(async |client| {
                    client
                        .execute(sql, &[&of, &seq, &ids, &authors, &contents])
                        .await
                })
                .await?;
            if written.is_multiple_of(100_000) {
                progress::say(&format!("{written} messages are written"));
            }
        }
        let sql = "UPDATE channels c SET last_seq = m.seq, last_message_id = m.id
                   FROM (SELECT channel, max(seq) AS seq, max(id) AS id FROM messages GROUP BY channel) m
                   WHERE c.id = m.channel;
                   INSERT INTO search_pending (channel, message) SELECT id, 0 FROM channels WHERE last_seq >= 64;
                   VACUUM ANALYZE messages";
        for statement in sql.split(';') {
            cluster
                .sql(async |client| client.batch_execute(statement).await)
                .await?;
        }
        Ok(rooms)
    }
}

/// Waits until no message is noted.
async fn wait_for_index(cluster: &Cluster) -> Result<()> {
    let began = Instant::now();
    let left = "SELECT count(*) FROM search_pending";
    loop {
        let row = cluster
            .sql(async |client| client.query_one(left, &[]).await)
            .await?;
        if row.get::<_, i64>(0) == 0 {
            break;
        }
        ensure!(began.elapsed() < PATIENCE, "the index does not get on");
        sleep(Duration::from_millis(500)).await;
    }
    cluster
        .sql(async |client| client.batch_execute("VACUUM ANALYZE search_blocks").await)
        .await
}

/// What people say, made up.
struct Text {
    words: Vec<String>,
}

impl Text {
    fn new() -> Self {
        const SYLLABLES: [&str; 40] = [
            "ta", "re", "in", "co", "der", "lo", "mi", "sen", "ba", "tion", "al", "pe", "ri", "no",
            "ser", "gu", "va", "ing", "ho", "la", "ke", "dra", "mo", "ni", "est", "fa", "sto",
            "wi", "ter", "ju", "en", "cha", "pro", "ly", "sa", "ver", "ment", "do", "quo", "th",
        ];
        let mut random = Random::new(1);
        let word = |number: u64| {
            // Common words are short.
            let length = 1 + number.min(WORDS / 2) * 2 / WORDS + random.below(3);
            let syllables = (0..length).filter_map(|_| random.pick(&SYLLABLES).copied());
            syllables.collect()
        };
        Self {
            words: (0..WORDS).map(word).collect(),
        }
    }

    /// The word with this rank.
    fn word(&self, rank: u64) -> String {
        let rank = usize::try_from(rank).unwrap_or_default();
        self.words.get(rank).cloned().unwrap_or_default()
    }

    fn dense(random: &mut Random) -> String {
        let mut one = || char::from_u32(0x4e00 + u32::try_from(random.below(3_000)).unwrap_or(0));
        [one(), one()].into_iter().flatten().collect()
    }

    /// A message: words, now and then a link or a text without spaces.
    fn message(&self, random: &mut Random) -> String {
        if random.below(20) == 0 {
            let length = 2 + random.below(12);
            return (0..length).map(|_| Self::dense(random)).collect();
        }
        let length = 1 + random.below(18);
        let mut words: Vec<String> = (0..length)
            .map(|_| {
                // A power law: the n-th word comes about 1/n times as often as the first.
                let share = real(random.below(1_000_000)) / 1e6;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "from 1 to the number of words"
                )]
                let rank = real(WORDS).powf(share) as u64;
                self.word(rank - 1)
            })
            .collect();
        if random.below(50) == 0 {
            words.push(format!("https://example.org/{}", random.below(1_000_000)));
        }
        words.join(" ")
    }
}
