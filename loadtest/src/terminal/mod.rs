//! A plain terminal client: lines in, lines out; a pipe drives it as well.

mod screen;
mod words;

use std::{collections::BTreeMap, io::BufRead, time::Duration};

use anyhow::{Context, Result, bail};
use shared::{
    ids::{ServerId, UserId},
    protocol::{
        account::{JoinAsGuest, LogIn, Register, SignedIn},
        channel::{Channel, GetChannels},
        invite::CreateInvite,
        message::{GetMessages, Message},
        server::{ListServers, Server},
        user::ListUsers,
    },
};
use tokio::sync::mpsc;

use self::{screen::Screen, words::Words};
use crate::{
    client::{CallError, Client, Options},
    requests::{
        self, create_channel, create_invite, create_server, delete_message, edit_message,
        get_messages, join_as_guest, list_users, log_in, redeem_invite, send_message,
    },
};

/// Lines that were typed ahead; a faster pipe waits.
const MAX_LINES: usize = 64;
/// After the last line of a pipe, what is still under way may arrive.
const LINGER: Duration = Duration::from_millis(500);
/// Lines of `/history`.
const PAGE: u32 = 20;

const HELP: &str = "\
/servers  /open N          your servers; open one
/create NAME               a new server
/join CODE  /invite        into a server; a code for the one that is open
/admit                     a code that somebody new signs up with
/channels  /channel NAME   its channels; go to one, or create it
/history                   what was said before
/edit N TEXT  /delete N    message number N
/who                       its members
/quit";

/// How to enter.
#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Gateways, tried in turn: `ws://host:port`.
    #[arg(required = true, env = "CONFAB_GATEWAYS", value_delimiter = ',')]
    pub gateways: Vec<String>,
    /// The name to sign in with; asked for when absent.
    #[arg(long)]
    pub name: Option<String>,
    /// Create the account first.
    #[arg(long)]
    pub sign_up: bool,
    /// Come in as a guest.
    #[arg(long, conflicts_with_all = ["name", "sign_up"])]
    pub guest: bool,
    /// A code for signing up.
    #[arg(long)]
    pub invite: Option<String>,
}

/// Runs until `/quit` or the end of the input; `print` gets each line.
pub async fn run(arguments: Arguments, print: impl FnMut(&str)) -> Result<()> {
    let mut lines = lines();
    let options = Options {
        patience: Duration::from_secs(30),
        heartbeat: Some(Duration::from_secs(2)),
        ..Options::default()
    };
    let client = Client::connect(arguments.gateways.clone(), options);
    let mut screen = Screen::new(print);
    let signed_in = sign_in(&arguments, &client, &mut lines, &mut screen).await?;
    client.identify(&signed_in.token).await?;
    screen.line(&format!(
        "signed in as {}; /help says what can be done",
        signed_in.user.name
    ));
    let mut terminal = Terminal {
        client,
        screen,
        names: BTreeMap::from([(signed_in.user.user_id, signed_in.user.name)]),
        server: None,
        channel: None,
        shown: BTreeMap::new(),
        position: 0,
    };
    terminal.open_first().await?;
    terminal.talk(lines).await
}

/// Reads standard input on a thread: nothing else can wait for a terminal.
fn lines() -> mpsc::Receiver<String> {
    let (typed, lines) = mpsc::channel(MAX_LINES);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if typed.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

async fn sign_in<P: FnMut(&str)>(
    arguments: &Arguments,
    client: &Client,
    lines: &mut mpsc::Receiver<String>,
    screen: &mut Screen<P>,
) -> Result<SignedIn> {
    let device = Some("terminal".to_owned());
    if arguments.guest {
        let guest = JoinAsGuest {
            device,
            ..join_as_guest()
        };
        return client.call(0, &guest).await.context("joining as a guest");
    }
    let mut invite = arguments.invite.clone();
    let mut sign_up = arguments.sign_up;
    let name = if let Some(name) = arguments.name.clone() {
        name
    } else {
        let name = ask("name:", lines, screen).await?;
        if !sign_up {
            let answer = ask("new here? (y/n)", lines, screen).await?;
            sign_up = answer.starts_with('y');
        }
        if sign_up && invite.is_none() {
            let code = ask("code (the first account needs none):", lines, screen).await?;
            invite = Some(code).filter(|code| !code.is_empty());
        }
        name
    };
    let password = ask("password (shown as you type):", lines, screen).await?;
    if sign_up {
        let register = Register {
            password,
            invite,
            device,
            ..requests::register(&name)
        };
        return client.call(0, &register).await.context("signing up");
    }
    let login = LogIn {
        device,
        ..log_in(&name, &password)
    };
    client.call(0, &login).await.context("signing in")
}

async fn ask<P: FnMut(&str)>(
    question: &str,
    lines: &mut mpsc::Receiver<String>,
    screen: &mut Screen<P>,
) -> Result<String> {
    screen.line(question);
    let line = lines.recv().await.context("the input ended")?;
    Ok(line.trim().to_owned())
}

struct Terminal<P> {
    client: Client,
    screen: Screen<P>,
    names: BTreeMap<UserId, String>,
    server: Option<Server>,
    channel: Option<Channel>,
    /// The messages that can be named by number, in the open channel.
    shown: BTreeMap<u64, Message>,
    position: u64,
}

impl<P: FnMut(&str)> Terminal<P> {
    async fn talk(&mut self, mut lines: mpsc::Receiver<String>) -> Result<()> {
        let mut ended = false;
        loop {
            let forever = Duration::from_hours(24);
            let wait = if ended { LINGER } else { forever };
            tokio::select! {
                line = lines.recv(), if !ended => match line {
                    Some(line) if line.trim() == "/quit" => return Ok(()),
                    Some(line) => self.obey(line.trim()).await?,
                    None => ended = true,
                },
                seen = self.client.log().wait(self.position, wait, |_| Some(())) => {
                    if seen.is_none() && ended {
                        return Ok(());
                    }
                    self.show_news();
                }
            }
        }
    }

    /// Shows what arrived since the last time.
    fn show_news(&mut self) {
        for seen in self.client.log().since(self.position) {
            self.position += 1;
            let channel = self.channel.as_ref().map(|channel| channel.channel_id);
            self.screen
                .show(&seen, channel, &mut self.names, &mut self.shown);
        }
    }

    async fn obey(&mut self, line: &str) -> Result<()> {
        let result = match Words::of(line) {
            Words::Nothing => Ok(()),
            Words::Say(text) => self.say(text).await,
            Words::Help => {
                self.screen.line(HELP);
                Ok(())
            }
            Words::Servers => self.servers().await,
            Words::Open(number) => self.open_number(number).await,
            Words::Create(name) => self.create(name).await,
            Words::Join(code) => self.join(code).await,
            Words::Invite => {
                let scope = self.scope()?.get();
                self.invite(scope).await
            }
            Words::Admit => self.invite(0).await,
            Words::Channels => self.channels().await,
            Words::Channel(name) => self.channel(name).await,
            Words::History => self.history().await,
            Words::Edit(number, text) => self.edit(number, text).await,
            Words::Delete(number) => self.delete(number).await,
            Words::Who => self.who().await,
            Words::Unknown => {
                self.screen.line("no such command; /help lists them");
                Ok(())
            }
        };
        if let Err(error) = result {
            // When the session is over, nothing that is typed can help.
            if error.downcast_ref() == Some(&CallError::Disconnected) {
                return Err(error);
            }
            self.screen.line(&format!("! {error}"));
        }
        Ok(())
    }

    fn scope(&self) -> Result<ServerId> {
        let server = self.server.as_ref();
        Ok(server
            .context("no server is open: /create one or /join one")?
            .server_id)
    }

    async fn say(&mut self, text: &str) -> Result<()> {
        let scope = self.scope()?.get();
        let channel = self.channel.as_ref().context("no channel is open")?;
        let message = send_message(channel.channel_id, text);
        self.client.call(scope, &message).await?;
        Ok(())
    }

    async fn open_first(&mut self) -> Result<()> {
        let servers = self.client.call(0, &ListServers {}).await?.servers;
        if let Some(server) = servers.into_iter().next() {
            return self.open(server).await;
        }
        self.screen
            .line("you are in no server: /create NAME or /join CODE");
        Ok(())
    }

    async fn servers(&mut self) -> Result<()> {
        let servers = self.client.call(0, &ListServers {}).await?.servers;
        for (number, server) in (1..).zip(servers) {
            self.screen.line(&format!("{number}. {}", server.name));
        }
        Ok(())
    }

    async fn open_number(&mut self, number: usize) -> Result<()> {
        let servers = self.client.call(0, &ListServers {}).await?.servers;
        let server = number
            .checked_sub(1)
            .and_then(|index| servers.into_iter().nth(index))
            .context("no server has this number")?;
        self.open(server).await
    }

    async fn open(&mut self, server: Server) -> Result<()> {
        self.screen.line(&format!("*** {}", server.name));
        self.server = Some(server);
        self.channel = None;
        self.learn_names().await?;
        let channels = self.list_channels().await?;
        match channels.into_iter().next() {
            Some(channel) => self.enter(channel).await,
            None => Ok(()),
        }
    }

    async fn create(&mut self, name: &str) -> Result<()> {
        let create = create_server(name);
        let info = self.client.call(0, &create).await?;
        self.open(info.server).await
    }

    async fn join(&mut self, code: &str) -> Result<()> {
        let redeem = redeem_invite(code);
        let info = self.client.call(0, &redeem).await?;
        self.open(info.server).await
    }

    /// A code for a server, or with scope 0 for signing up.
    async fn invite(&mut self, scope: u64) -> Result<()> {
        let create = CreateInvite {
            max_uses: (scope == 0).then_some(1),
            ..create_invite()
        };
        let made = self.client.call(scope, &create).await?;
        self.screen.line(&format!("the code is {}", made.code));
        Ok(())
    }

    async fn list_channels(&self) -> Result<Vec<Channel>> {
        let scope = self.scope()?.get();
        Ok(self.client.call(scope, &GetChannels {}).await?.channels)
    }

    async fn channels(&mut self) -> Result<()> {
        for channel in self.list_channels().await? {
            self.screen
                .line(&format!("#{} ({})", channel.name, channel.last_seq));
        }
        Ok(())
    }

    async fn channel(&mut self, name: &str) -> Result<()> {
        let name = name.trim_start_matches('#');
        let mut channels = self.list_channels().await?.into_iter();
        if let Some(channel) = channels.find(|channel| channel.name == name) {
            return self.enter(channel).await;
        }
        let create = create_channel(name, Vec::new());
        let created = self.client.call(self.scope()?.get(), &create).await?;
        self.enter(created.channel).await
    }

    async fn enter(&mut self, channel: Channel) -> Result<()> {
        self.screen.line(&format!("*** #{}", channel.name));
        self.channel = Some(channel);
        self.shown.clear();
        self.history().await
    }

    /// Shows the page before what is shown.
    async fn history(&mut self) -> Result<()> {
        let scope = self.scope()?.get();
        let channel = self.channel.as_ref().context("no channel is open")?;
        let page = GetMessages {
            before: self.shown.first_key_value().map(|(seq, _)| *seq),
            limit: Some(PAGE),
            ..get_messages(channel.channel_id)
        };
        for message in self.client.call(scope, &page).await?.messages {
            self.screen.message(&message, &self.names);
            self.shown.insert(message.seq, message);
        }
        Ok(())
    }

    fn named(&self, number: u64) -> Result<&Message> {
        self.shown
            .get(&number)
            .context("no message with this number is shown")
    }

    async fn edit(&mut self, number: u64, text: &str) -> Result<()> {
        let channel = self.channel.as_ref().context("no channel is open")?;
        let edit = edit_message(channel.channel_id, self.named(number)?.message_id, text);
        self.client.call(self.scope()?.get(), &edit).await?;
        Ok(())
    }

    async fn delete(&mut self, number: u64) -> Result<()> {
        let channel = self.channel.as_ref().context("no channel is open")?;
        let delete = delete_message(channel.channel_id, self.named(number)?.message_id);
        self.client.call(self.scope()?.get(), &delete).await?;
        Ok(())
    }

    async fn learn_names(&mut self) -> Result<()> {
        let scope = self.scope()?.get();
        let mut after = None;
        loop {
            let page = ListUsers {
                after,
                ..list_users()
            };
            let members = self.client.call(scope, &page).await?.members;
            let Some(last) = members.last() else {
                return Ok(());
            };
            after = Some(last.user.user_id);
            for member in members {
                self.names.insert(member.user.user_id, member.user.name);
            }
        }
    }

    async fn who(&mut self) -> Result<()> {
        let page = list_users();
        let members = self.client.call(self.scope()?.get(), &page).await?.members;
        if members.is_empty() {
            bail!("nobody is here");
        }
        let names: Vec<String> = members.into_iter().map(|member| member.user.name).collect();
        self.screen.line(&names.join(", "));
        Ok(())
    }
}
