//! Requests of servers.

use shared::{
    ids::{ServerId, UserId},
    protocol::server::{
        CreateServer, DeleteServer, JoinServer, LeaveServer, TransferServer, UpdateServer,
    },
};

use crate::random::nonce;

/// Creates a server.
pub fn create_server(name: &str) -> CreateServer {
    CreateServer {
        nonce: nonce(),
        name: name.to_owned(),
    }
}

/// Leaves the server of the scope.
pub fn leave_server() -> LeaveServer {
    LeaveServer { nonce: nonce() }
}

/// Changes nothing of the server of the scope yet.
pub fn update_server() -> UpdateServer {
    UpdateServer {
        nonce: nonce(),
        name: None,
        icon: None,
        description: None,
        discoverable: None,
    }
}

/// Hands the server of the scope over.
pub fn transfer_server(user_id: UserId) -> TransferServer {
    TransferServer {
        nonce: nonce(),
        user_id,
    }
}

/// Deletes the server of the scope, which has this name.
pub fn delete_server(name: &str) -> DeleteServer {
    DeleteServer {
        nonce: nonce(),
        name: name.to_owned(),
    }
}

/// Joins a server that everyone finds.
pub fn join_server(server_id: ServerId) -> JoinServer {
    JoinServer {
        nonce: nonce(),
        server_id,
    }
}
