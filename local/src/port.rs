//! A port that nobody else is given before the program that it is for listens there.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use socket2::{Domain, Socket, Type};

/// A port of this machine's, taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    /// It never listens. Linux gives the port of a bound socket to nobody who asks for any port, and
    /// still lets a program listen there that asks for this one, if both allow the reuse of addresses,
    /// as servers do. Elsewhere the program would be refused: there it is let go at once.
    _socket: Option<Socket>,
}

impl Port {
    /// Takes a port that is free.
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
    fn a_port_is_nobody_elses_until_its_program_listens_there() {
        let taken: Vec<_> = (0..200).map(|_| Port::take().unwrap()).collect();
        // Others that ask for any port, as a connection does, get none of these.
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
