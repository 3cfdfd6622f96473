//! A proxy before a server: it holds back what clients send, and cuts connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

#[derive(Default)]
struct State {
    /// Every connection that was made, both ends of each.
    connections: Vec<(TcpStream, TcpStream)>,
    /// Of connections with a lower number nothing is passed on to the server.
    held_before: usize,
    /// Of connections with a lower number nothing is passed on at all.
    frozen_before: usize,
    /// Bytes that were held back since.
    held: usize,
    /// New connections are hung up on.
    closed: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// A proxy; its connections end with it.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    pub(crate) fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                accepting.accept(client, port);
            }
        });
        Self { port: own, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Holds back what the clients of all present connections send from now on.
    pub(crate) fn hold(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.held_before = state.connections.len();
        state.held = 0;
    }

    /// Passes nothing on any more of all present connections, in either direction.
    pub(crate) fn freeze(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.frozen_before = state.connections.len();
    }

    /// Waits until something was held back.
    pub(crate) fn wait_for_held(&self) {
        let state = self.shared.state.lock().unwrap();
        let (state, waited) = self
            .shared
            .changed
            .wait_timeout_while(state, super::server::PATIENCE, |state| state.held == 0)
            .unwrap();
        drop(state);
        assert!(!waited.timed_out(), "nothing was sent");
    }

    /// Hangs up on clients alone: what they have sent can still be passed on.
    pub(crate) fn leave_clients(&self) {
        for (client, _) in &self.shared.state.lock().unwrap().connections {
            // It may have gone before.
            let _gone = client.shutdown(Shutdown::Both);
        }
    }

    /// Passes on what was held back.
    pub(crate) fn release(&self) {
        let mut state = self.shared.state.lock().unwrap();
        (state.held_before, state.frozen_before) = (0, 0);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Cuts all connections; new ones are hung up on until [`mend`](Self::mend).
    pub(crate) fn cut(&self) {
        let mut state = self.shared.state.lock().unwrap();
        state.closed = true;
        state.hang_up();
    }

    pub(crate) fn mend(&self) {
        self.shared.state.lock().unwrap().closed = false;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.release();
    }
}

impl State {
    fn hang_up(&self) {
        for (client, server) in &self.connections {
            // Either may have gone before.
            let _gone = (
                client.shutdown(Shutdown::Both),
                server.shutdown(Shutdown::Both),
            );
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, client: TcpStream, port: u16) {
        let mut state = self.state.lock().unwrap();
        if state.closed {
            return;
        }
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
            return;
        };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let number = state.connections.len();
        let ends = || (client.try_clone().unwrap(), server.try_clone().unwrap());
        state.connections.push(ends());
        let ((from_client, to_server), (to_client, from_server)) = (ends(), ends());
        let forth = Arc::clone(self);
        thread::spawn(move || {
            forth.pass(from_client, to_server, |state| {
                number < state.held_before.max(state.frozen_before)
            })
        });
        let back = Arc::clone(self);
        thread::spawn(move || {
            back.pass(from_server, to_client, |state| number < state.frozen_before)
        });
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream, is_held: impl Fn(&State) -> bool) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            let mut state = self.state.lock().unwrap();
            if is_held(&state) {
                state.held += len;
                self.changed.notify_all();
                while is_held(&state) {
                    state = self.changed.wait(state).unwrap();
                }
            }
            drop(state);
            if to.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
        let _gone = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }
}
