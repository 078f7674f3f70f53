//! Taking the port.

use std::{io::ErrorKind, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use super::error::ServeError;

/// Connections that may wait until they are accepted.
const BACKLOG: u32 = 1_024;

/// Takes the first of the addresses that this machine has. Nobody can connect yet, but a port that
/// is in use is told before a key or a database is made.
pub(super) fn take(addresses: &[SocketAddr]) -> Result<TcpSocket, ServeError> {
    let mut refused = ServeError::failed("cannot listen: the host has no address");
    for address in addresses {
        match bind(*address) {
            Ok(socket) => return Ok(socket),
            Err(error) => {
                let in_use = error.kind() == ErrorKind::AddrInUse;
                refused = ServeError::failed(format_args!("cannot listen on {address}: {error}"));
                // Clients would reach the other program at the address they know.
                if in_use {
                    return Err(refused);
                }
            }
        }
    }
    Err(refused)
}

fn bind(address: SocketAddr) -> std::io::Result<TcpSocket> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A port whose last connections are still closing is free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Lets clients connect.
pub(super) fn open(socket: TcpSocket) -> Result<TcpListener, ServeError> {
    let address = socket.local_addr()?;
    socket
        .listen(BACKLOG)
        .map_err(|error| ServeError::failed(format_args!("cannot listen on {address}: {error}")))
}
