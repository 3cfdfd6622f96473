//! A graph whose nodes point at each other by handle, in one arena; edges are data beside it.
//!
//! Run with `cargo run -p slab-core --example graph`.

use std::collections::VecDeque;

use slab_core::{Arena, Handle, InsertErrorKind, SecondaryMap};

/// A node names its neighbours by handle: no reference counts, no lifetimes, cycles allowed.
struct Station {
    name: &'static str,
    neighbours: Vec<Handle<Station>>,
}

fn connect(map: &mut Arena<Station>, a: Handle<Station>, b: Handle<Station>) {
    map[a].neighbours.push(b);
    map[b].neighbours.push(a);
}

/// Stops from `start` to each station that can be reached. Neighbours that were closed are skipped: their
/// handles are stale, which a look at the arena tells.
fn distances(map: &Arena<Station>, start: Handle<Station>) -> SecondaryMap<Station, u32> {
    let mut stops = SecondaryMap::new();
    stops.insert(start, 0);
    let mut queue = VecDeque::from([start]);
    while let Some(handle) = queue.pop_front() {
        let next = stops[handle] + 1;
        for &neighbour in &map[handle].neighbours {
            if map.contains(neighbour) && !stops.contains(neighbour) {
                stops.insert(neighbour, next);
                queue.push_back(neighbour);
            }
        }
    }
    stops
}

fn main() -> Result<(), InsertErrorKind> {
    let mut map = Arena::new();
    let line = ["Harbour", "Market", "Museum", "Park", "Airport"].map(|name| {
        map.insert(Station {
            name,
            neighbours: Vec::new(),
        })
    });
    for pair in line.windows(2) {
        connect(&mut map, pair[0], pair[1]);
    }
    // A station that needs its own handle before it exists.
    let depot = map.vacant_entry()?;
    let itself = depot.handle();
    let depot = depot.insert(Station {
        name: "Depot",
        neighbours: vec![itself],
    });
    connect(&mut map, depot, line[0]);
    connect(&mut map, depot, line[4]);

    let stops = distances(&map, line[0]);
    for (handle, station) in &map {
        println!("{:>8}: {} stops", station.name, stops[handle]);
    }
    assert_eq!(stops[line[4]], 2, "by way of the depot");

    map.remove(depot);
    let opera = map.insert(Station {
        name: "Opera",
        neighbours: Vec::new(),
    });
    assert_eq!(opera.index(), depot.index(), "built on the same ground");
    let stops = distances(&map, line[0]);
    assert_eq!(
        stops[line[4]], 4,
        "the depot is closed; nobody mistakes the opera for it"
    );
    assert!(!stops.contains(opera));
    println!(
        "without the depot, the airport is {} stops away",
        stops[line[4]]
    );
    Ok(())
}
