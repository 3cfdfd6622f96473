//! Belady's MIN as the bound of all policies on real traces: with every object counted as 1 and inserted at each miss,
//! none misses less.

use std::collections::HashMap;

use cache_policies::AnyConfig;

use crate::command::strata;
use crate::shared;

/// The online policies, those that draw lots with eight seeds each.
fn online() -> Vec<String> {
    let mut names = Vec::new();
    for config in AnyConfig::all()
        .iter()
        .filter(|config| !config.is_offline())
    {
        if config.parameters().iter().any(|(name, ..)| *name == "seed") {
            names.extend((1..=8).map(|seed| format!("{}:seed={seed}", config.name())));
        } else {
            names.push(config.name().to_owned());
        }
    }
    names
}

/// The misses by capacity and policy.
fn simulate(trace: &str, policies: &str) -> Option<HashMap<(String, String), u64>> {
    let path = shared::traces()?.join(format!("{trace}.oracleGeneral.zst"));
    let path = path.to_str().unwrap();
    let run = strata([
        "simulate",
        path,
        "--policies",
        policies,
        "--sizes",
        "0.3%,3%,10%",
        "--format",
        "json",
    ]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{trace}");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).unwrap();
    let row = |row: &serde_json::Value| {
        let policy = row["policy"].as_str().unwrap().to_owned();
        let key = (row["capacity"].to_string(), policy);
        (key, row["misses"].as_u64().unwrap())
    };
    Some(rows.iter().map(row).collect())
}

#[test]
fn belady_is_never_beaten_on_the_small_traces() {
    let online = online();
    let policies = format!("belady,belady-size,{}", online.join(","));
    for trace in [
        "cpIO",
        "web12",
        "lirs_2_pools",
        "lirs_cpp",
        "lirs_cs",
        "lirs_gli",
        "lirs_multi1",
        "lirs_multi2",
        "lirs_multi3",
        "lirs_ps",
        "lirs_sprite",
    ] {
        let Some(misses) = simulate(trace, &policies) else {
            return;
        };
        assert_eq!(misses.len(), 3 * (online.len() + 2));
        for ((capacity, policy), count) in &misses {
            let least = misses[&(capacity.clone(), "belady".to_owned())];
            assert!(
                least <= *count,
                "{policy} misses {count} of {trace} at {capacity}, and MIN {least}"
            );
            if policy == "belady-size" {
                assert_eq!(least, *count, "without sizes it is MIN");
            }
        }
    }
}
