//! The conversation: what is typed goes to the cluster, what it tells is shown.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use loadtest::{
    client::{CallError, Client, log::Seen},
    requests,
};
use shared::{
    ids::{ChannelId, ServerId},
    protocol::{
        Request,
        channel::{Channel, GetChannels},
        invite::CreateInvite,
        message::{GetMessages, Message, MessageCreated},
        server::{ListServers, Server},
        unread::UnreadMoved,
        user::{ListUsers, User},
    },
};
use tokio::time::Instant;

use crate::{
    commands::{COMMANDS, Command},
    input::{Input, Known},
    screen::{Names, Screen, Shown},
    unread::Unread,
};

/// After the last line of a pipe, what is still under way may arrive.
const LINGER: Duration = Duration::from_millis(500);
/// Nothing is due so soon.
const FOREVER: Duration = Duration::from_hours(24);
/// Lines of `/history`.
const PAGE: u32 = 20;

/// A session in a terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    client: Client,
    screen: Screen,
    /// What Tab completes.
    known: Arc<Known>,
    me: User,
    names: Names,
    server: Option<Server>,
    channel: Option<Channel>,
    /// The messages that can be named by number, in the open channel.
    shown: Shown,
    unread: Unread,
    /// What was typed last and has not come back yet.
    typed: Option<String>,
    /// How much of what the client saw was shown.
    position: u64,
}

impl Terminal {
    /// A session that just began.
    pub(crate) fn new(client: Client, screen: Screen, known: Arc<Known>, me: User) -> Self {
        Self {
            client,
            screen,
            known,
            names: BTreeMap::from([(me.user_id, me.name.clone())]),
            me,
            server: None,
            channel: None,
            shown: BTreeMap::new(),
            unread: Unread::default(),
            typed: None,
            position: 0,
        }
    }

    /// Opens the first server, and says what was not read.
    pub(crate) async fn start(&mut self) -> Result<()> {
        self.unread.refresh(&self.client).await?;
        let servers = self.list_servers().await?;
        match servers.into_iter().next() {
            Some(server) => self.open(server).await?,
            None => self
                .screen
                .print_line("you are in no server: /create NAME or /join CODE"),
        }
        if self.unread.list().next().is_some() {
            self.list_unread().await?;
        }
        Ok(())
    }

    /// Goes on until `/quit` or the end of the input.
    pub(crate) async fn talk(&mut self, input: &mut Input) -> Result<()> {
        let mut ended = false;
        input.prompt(&self.prompt()).await?;
        loop {
            let wait = if ended { LINGER } else { FOREVER };
            let due = self
                .unread
                .due()
                .unwrap_or_else(|| Instant::now() + FOREVER);
            tokio::select! {
                line = input.line(), if !ended => match line.as_deref().map(Command::parse) {
                    Some(Command::Quit) => break,
                    Some(command) => {
                        self.execute(command).await?;
                        // The end of the input is told by the next line.
                        input.prompt(&self.prompt()).await.ok();
                    }
                    None if self.screen.is_terminal() => break,
                    None => ended = true,
                },
                seen = self.client.log().wait(self.position, wait, |_| Some(())) => {
                    if seen.is_none() && ended {
                        break;
                    }
                    self.show_news().await?;
                }
                () = tokio::time::sleep_until(due) => self.unread.ack(&self.client).await?,
            }
        }
        self.unread.ack(&self.client).await
    }

    fn prompt(&self) -> String {
        let unread = self.unread.list().count();
        let unread = if unread > 0 {
            format!(" ({unread} unread)")
        } else {
            String::new()
        };
        match &self.channel {
            Some(channel) => format!("#{}{unread}> ", channel.name),
            None => format!("{unread}> "),
        }
    }

    /// Shows what arrived since the last time.
    async fn show_news(&mut self) -> Result<()> {
        let mut stale = false;
        for seen in self.client.log().since(self.position) {
            self.position += 1;
            let open = self.channel.as_ref().map(|channel| channel.channel_id);
            if let Some(created) = seen.event::<MessageCreated>() {
                self.show_message(&seen, created, open).await?;
            } else if let Some(moved) = seen.event::<UnreadMoved>() {
                self.unread.move_cursor(&moved.cursor);
            } else if let Seen::Registers(registers) = &seen {
                stale |= self.unread.is_behind(registers.version);
            } else {
                self.screen.print_state(&seen);
                self.screen
                    .show_event(&seen, open, &mut self.names, &mut self.shown);
            }
        }
        if stale {
            self.unread.refresh(&self.client).await?;
        }
        Ok(())
    }

    async fn show_message(
        &mut self,
        seen: &Seen,
        created: MessageCreated,
        open: Option<ChannelId>,
    ) -> Result<()> {
        let Seen::Event { topic, .. } = seen else {
            return Ok(());
        };
        let server = ServerId::new(*topic).context("a message outside of a server")?;
        let (channel, seq) = (created.channel_id, created.message.seq);
        let mine = created.message.author_id == self.me.user_id;
        if open == Some(channel) {
            let typed = self
                .typed
                .take_if(|text| mine && *text == created.message.content);
            self.screen
                .show_created(created, typed.is_some(), &self.names, &mut self.shown);
            self.unread.show(server, channel, seq);
        } else if mine {
            self.unread.show(server, channel, seq);
        } else if self.unread.count(server, channel, seq) {
            let name = self.find_channel_name(server, channel).await?;
            self.screen
                .print_line(&format!("*** something new in {name}"));
        }
        Ok(())
    }

    async fn execute(&mut self, command: Command<'_>) -> Result<()> {
        let result = match command {
            Command::Nothing | Command::Quit => Ok(()),
            Command::Say(text) => self.say(text).await,
            Command::Help => {
                for (name, arguments, what) in COMMANDS {
                    let line = format!("{:<24} {what}", format!("{name} {arguments}"));
                    self.screen.print_line(&line);
                }
                Ok(())
            }
            Command::ListServers => self.show_servers().await,
            Command::OpenServer(number) => self.open_number(number).await,
            Command::CreateServer(name) => self.create(name).await,
            Command::JoinServer(code) => self.join(code).await,
            Command::MakeInvite => match self.scope() {
                Ok(server) => self.invite(server.get()).await,
                Err(error) => Err(error),
            },
            Command::MakeAdmission => self.invite(0).await,
            Command::ListChannels => self.show_channels().await,
            Command::OpenChannel(name) => self.open_channel(name).await,
            Command::ListUnread => self.list_unread().await,
            Command::ShowHistory => self.show_history().await,
            Command::EditMessage(number, text) => self.edit(number, text).await,
            Command::DeleteMessage(number) => self.delete(number).await,
            Command::ListMembers => self.list_members().await,
            Command::Unknown => {
                self.screen
                    .print_line("! no such command, or not with these arguments; /help lists them");
                Ok(())
            }
        };
        if let Err(error) = result {
            // When the session is over, nothing that is typed can help.
            if error.downcast_ref() == Some(&CallError::Disconnected) {
                return Err(error);
            }
            self.screen.print_line(&format!("! {error}"));
        }
        Ok(())
    }

    fn scope(&self) -> Result<ServerId> {
        let server = self.server.as_ref();
        Ok(server
            .context("no server is open: /create one or /join one")?
            .server_id)
    }

    fn channel_id(&self) -> Result<ChannelId> {
        let channel = self.channel.as_ref();
        Ok(channel.context("no channel is open")?.channel_id)
    }

    /// Asks something of the open server.
    async fn call<R: Request>(&self, request: &R) -> Result<R::Reply> {
        Ok(self.client.call(self.scope()?.get(), request).await?)
    }

    async fn say(&mut self, text: &str) -> Result<()> {
        let message = requests::send_message(self.channel_id()?, text);
        self.typed = Some(message.content.clone());
        let sent = self.call(&message).await;
        if sent.is_err() {
            self.typed = None;
        }
        sent.map(drop)
    }

    async fn list_servers(&self) -> Result<Vec<Server>> {
        Ok(self.client.call(0, &ListServers {}).await?.servers)
    }

    async fn show_servers(&mut self) -> Result<()> {
        for (number, server) in (1..).zip(self.list_servers().await?) {
            self.screen
                .print_line(&format!("{number}. {}", server.name));
        }
        Ok(())
    }

    async fn open_number(&mut self, number: usize) -> Result<()> {
        let servers = self.list_servers().await?;
        let server = number
            .checked_sub(1)
            .and_then(|index| servers.into_iter().nth(index))
            .context("no server has this number")?;
        self.open(server).await
    }

    async fn open(&mut self, server: Server) -> Result<()> {
        self.screen.print_line(&format!("*** {}", server.name));
        self.server = Some(server);
        self.channel = None;
        self.learn_names().await?;
        let channels = self.list_channels(self.scope()?).await?;
        match channels.into_iter().next() {
            Some(channel) => self.enter(channel).await,
            None => Ok(()),
        }
    }

    async fn create(&mut self, name: &str) -> Result<()> {
        let create = requests::create_server(name);
        let info = self.client.call(0, &create).await?;
        self.open(info.server).await
    }

    async fn join(&mut self, code: &str) -> Result<()> {
        let redeem = requests::redeem_invite(code);
        let info = self.client.call(0, &redeem).await?;
        self.open(info.server).await
    }

    /// A code for a server, or with scope 0 for signing up.
    async fn invite(&mut self, scope: u64) -> Result<()> {
        let create = CreateInvite {
            max_uses: (scope == 0).then_some(1),
            ..requests::create_invite()
        };
        let made = self.client.call(scope, &create).await?;
        self.screen
            .print_line(&format!("the code is {}", made.code));
        Ok(())
    }

    async fn list_channels(&self, server: ServerId) -> Result<Vec<Channel>> {
        let channels = self
            .client
            .call(server.get(), &GetChannels {})
            .await?
            .channels;
        if self
            .server
            .as_ref()
            .is_some_and(|open| open.server_id == server)
        {
            *self.known.channels() = channels
                .iter()
                .map(|channel| channel.name.clone())
                .collect();
        }
        Ok(channels)
    }

    async fn find_channel_name(&self, server: ServerId, channel: ChannelId) -> Result<String> {
        let channels = self.list_channels(server).await?;
        let found = channels
            .into_iter()
            .find(|known| known.channel_id == channel);
        Ok(found.map_or_else(
            || "a channel".to_owned(),
            |channel| format!("#{}", channel.name),
        ))
    }

    async fn show_channels(&mut self) -> Result<()> {
        for channel in self.list_channels(self.scope()?).await? {
            self.screen
                .print_line(&format!("#{} ({})", channel.name, channel.last_seq));
        }
        Ok(())
    }

    async fn open_channel(&mut self, name: &str) -> Result<()> {
        let mut channels = self.list_channels(self.scope()?).await?.into_iter();
        if let Some(channel) = channels.find(|channel| channel.name == name) {
            return self.enter(channel).await;
        }
        let create = requests::create_channel(name, Vec::new());
        let created = self.call(&create).await?;
        self.enter(created.channel).await
    }

    async fn enter(&mut self, channel: Channel) -> Result<()> {
        self.screen.print_line(&format!("*** #{}", channel.name));
        self.channel = Some(channel);
        self.shown.clear();
        self.show_history().await
    }

    /// Shows the page before what is shown, with a mark above what was not read.
    async fn show_history(&mut self) -> Result<()> {
        let channel = self.channel_id()?;
        let page = GetMessages {
            channel_id: channel,
            before: self.shown.first_key_value().map(|(seq, _)| *seq),
            after: None,
            limit: Some(PAGE),
        };
        let mut read = self.unread.first_new(channel);
        let messages = self.call(&page).await?.messages;
        if page.before.is_some() {
            self.screen.print_line("--- earlier ---");
        }
        for message in messages {
            if read.take_if(|read| *read < message.seq).is_some() {
                self.screen.print_line("--- new ---");
            }
            self.screen.print_message(&message, &self.names);
            self.shown.insert(message.seq, message);
        }
        if let (None, Some((last, _))) = (page.before, self.shown.last_key_value()) {
            self.unread.show(self.scope()?, channel, *last);
        }
        Ok(())
    }

    async fn list_unread(&mut self) -> Result<()> {
        let unread: Vec<_> = self.unread.list().collect();
        if unread.is_empty() {
            self.screen.print_line("you have read everything");
        }
        let servers = self.list_servers().await?;
        for (id, channel) in unread {
            let server = servers
                .iter()
                .find(|server| server.server_id == channel.server);
            // Somebody left it, or it was deleted.
            let Some(server) = server else {
                continue;
            };
            let name = self.find_channel_name(channel.server, id).await?;
            let line = format!("{} {name}: {} unread", server.name, channel.unread);
            self.screen.print_line(&line);
        }
        Ok(())
    }

    fn named(&self, number: u64) -> Result<&Message> {
        self.shown
            .get(&number)
            .context("no message with this number is shown")
    }

    async fn edit(&mut self, number: u64, text: &str) -> Result<()> {
        let message = self.named(number)?.message_id;
        let edit = requests::edit_message(self.channel_id()?, message, text);
        self.call(&edit).await
    }

    async fn delete(&mut self, number: u64) -> Result<()> {
        let message = self.named(number)?.message_id;
        let delete = requests::delete_message(self.channel_id()?, message);
        self.call(&delete).await
    }

    async fn learn_names(&mut self) -> Result<()> {
        self.known.members().clear();
        let mut after = None;
        loop {
            let limit = Some(requests::PAGE);
            let page = ListUsers { after, limit };
            let members = self.call(&page).await?.members;
            let Some(last) = members.last() else {
                return Ok(());
            };
            after = Some(last.user.user_id);
            for member in members {
                self.known.members().insert(member.user.name.clone());
                self.names.insert(member.user.user_id, member.user.name);
            }
        }
    }

    async fn list_members(&mut self) -> Result<()> {
        let members = self.call(&requests::list_users()).await?.members;
        if members.is_empty() {
            bail!("nobody is here");
        }
        let names: Vec<String> = members.into_iter().map(|member| member.user.name).collect();
        self.screen.print_line(&names.join(", "));
        Ok(())
    }
}
