//! What a repeat of a nonce is answered.
//!
//! Nearly all replies are small and kept as they are. A server as its member sees it may be
//! large: of that only the server is kept, and a repeat sees it as it is now.

use shared::protocol::{
    self, Request,
    invite::JoinMember,
    server::{FoundServer, JoinDiscovered, ServerInfo},
};

use crate::{error::Error, transaction::Context};

/// What is answered with a server.
const SERVERS: [u16; 3] = [
    FoundServer::ROW.opcode,
    JoinMember::ROW.opcode,
    JoinDiscovered::ROW.opcode,
];

/// What is kept of a reply under its nonce: for a server what it is, without its roles and channels.
pub(crate) fn keep_reply(opcode: u16, reply: &[u8]) -> Vec<u8> {
    if SERVERS.contains(&opcode)
        && let Ok(info) = protocol::decode_told::<ServerInfo>(reply)
    {
        return protocol::encode(&ServerInfo {
            roles: Vec::new(),
            channels: Vec::new(),
            ..info
        });
    }
    reply.to_vec()
}

/// The reply to the repeat of a command, of what was kept of the first one. Who is no
/// member any more sees no more than was kept.
pub(crate) async fn answer_repeat(
    ctx: &mut Context<'_>,
    opcode: u16,
    kept: Vec<u8>,
) -> Result<Vec<u8>, Error> {
    if !SERVERS.contains(&opcode) {
        return Ok(kept);
    }
    let Ok(info) = protocol::decode_told::<ServerInfo>(&kept) else {
        return Ok(kept);
    };
    if !info.roles.is_empty() {
        // Kept whole, by a program from before.
        return Ok(kept);
    }
    ctx.set_scope(info.server.server_id);
    let user = ctx.caller()?.user;
    let standing = match ctx.standing(user).await {
        Ok(Some(standing)) => standing,
        Ok(None) | Err(Error::Refused(_)) => return Ok(kept),
        Err(error) => return Err(error),
    };
    let now_ms = ctx.now_ms();
    let info = ctx.server().await?.info(&standing, now_ms);
    Ok(protocol::encode(&info))
}
