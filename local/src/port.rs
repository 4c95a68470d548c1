//! Reserves a port until the program that it is for listens there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A port of this machine, reserved until this is dropped.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    /// A bound socket that never listens. On Linux, nobody who asks for any port gets this one, but a program that
    /// asks for it may listen there if both allow the reuse of addresses, as servers do. Other systems would refuse
    /// the program, so there the socket is dropped at once.
    _socket: Option<Socket>,
}

impl Port {
    /// Reserves a free port.
    pub(crate) fn take() -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket();
        let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(Self { address, _socket: cfg!(target_os = "linux").then_some(socket) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    #[cfg_attr(not(target_os = "linux"), ignore = "elsewhere the port is let go at once")]
    fn a_port_is_reserved_until_its_program_listens() {
        let taken: Vec<_> = (0..200).map(|_| Port::take().unwrap()).collect();
        // The system never hands out a reserved port, for example for a new connection.
        let others: Vec<_> = (0..200)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
            .collect();
        let all: HashSet<_> = taken.iter().map(Port::address).collect();
        assert_eq!(all.len(), taken.len());
        assert!(others.iter().all(|other| !all.contains(other)));
        let address = taken[0].address();
        assert!(TcpStream::connect(address).is_err(), "nobody listens yet");
        let listener = TcpListener::bind(address).unwrap();
        TcpStream::connect(address).unwrap();
        listener.accept().unwrap();
    }
}
