//! Sessions in a cache: weighed in bytes, dying when idle, their loss noted, the clock in the program's own hands.
//!
//! `cargo run -p cache-policies --example cache_sessions`

use cache_policies::{Cache, Cause, Sieve, SieveConfig, Weigh};

/// What a server remembers of one visitor.
struct Session {
    name: &'static str,
    basket: Vec<String>,
}

/// Weighs a session by its token and what is in its basket.
struct Bytes;

impl Weigh<String, Session> for Bytes {
    fn weigh(&self, token: &String, session: &Session) -> u32 {
        let basket: usize = session.basket.iter().map(String::len).sum();
        u32::try_from(token.len() + basket).unwrap_or(u32::MAX)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut sessions = Cache::<String, Session>::builder()
        .capacity(64)
        .max_entries(1_000)
        .policy::<Sieve>(SieveConfig::default())
        .weigher(Bytes)
        .time_to_idle(30)
        .listener(|_token: String, session: Session, cause: Cause| {
            println!("{} leaves: {cause:?}", session.name);
        })
        .build()?;

    for (token, name) in [("a1", "ada"), ("b2", "bob"), ("c3", "cyd")] {
        sessions.insert(
            token.into(),
            Session {
                name,
                basket: Vec::new(),
            },
        )?;
    }

    // A tick is a second here. The server's loop tells the time; nothing in the cache asks for it.
    sessions.advance_to(20);
    if let Some(mut ada) = sessions.get_mut("a1") {
        ada.basket
            .push("a first edition of Notes by the Translator".into());
    }
    println!(
        "{} of {} bytes in use",
        sessions.weight(),
        sessions.capacity()
    );

    // Bob and Cyd were idle for too long.
    sessions.advance_to(30);
    assert!(sessions.contains("a1") && !sessions.contains("b2"));

    // Ada is in the middle of paying: she must not be evicted, so what does not fit beside her is refused.
    sessions.pin("a1");
    let big = Session {
        name: "dan",
        basket: vec!["x".repeat(40)],
    };
    match sessions.insert("d4".into(), big) {
        Ok(_) => unreachable!("there is no room"),
        Err(rejected) => println!("{} is refused: {rejected}", rejected.value.name),
    }

    println!("{:?}", sessions.stats());
    Ok(())
}
