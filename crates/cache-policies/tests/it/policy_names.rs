//! Policies by name: what is read, what is written, and what is refused with which words.

use cache_policies::{
    AnyConfig, AnyPolicy, ClockConfig, ConfigError, FifoConfig, LruConfig, ParseConfigError,
    Policy, S3FifoConfig, SieveConfig, WarmUp,
};
use cache_policies::{ArcConfig, DuelConfig, DuelMode, LirsConfig, SlruConfig, TwoQConfig};

fn parse(text: &str) -> AnyConfig {
    text.parse().unwrap()
}

fn refused(text: &str) -> String {
    text.parse::<AnyConfig>().unwrap_err().to_string()
}

#[test]
fn names_alone_are_the_defaults() {
    assert_eq!(parse("fifo"), FifoConfig::default().into());
    assert_eq!(parse("lru"), LruConfig::default().into());
    assert_eq!(parse("clock"), ClockConfig::default().into());
    assert_eq!(parse("sieve"), SieveConfig::default().into());
    assert_eq!(parse("s3-fifo"), S3FifoConfig::default().into());
    assert_eq!(parse("s3-fifo"), AnyConfig::default());
    assert_eq!(parse("duel"), DuelConfig::default().into());
    for config in AnyConfig::all() {
        assert_eq!(config.to_string(), config.name());
    }
}

#[test]
fn parameters_are_read() {
    assert_eq!(
        parse("clock:bits=3"),
        ClockConfig::default().with_bits(3).into()
    );
    let all = S3FifoConfig::default()
        .with_small(0.25)
        .with_threshold(3)
        .with_ghost(2.0)
        .with_warm_up(WarmUp::Small);
    assert_eq!(
        parse("s3-fifo:small=0.25,threshold=3,ghost=2,warm-up=small"),
        all.clone().into()
    );
    assert_eq!(
        parse(" S3-FIFO : warm-up = small , ghost=2,threshold=3,small=.25 "),
        all.into()
    );
}

#[test]
fn parameters_of_policies_with_several_queues_are_read() {
    let slru = SlruConfig::default().with_shares(&[20, 80]);
    assert_eq!(parse("slru:shares=20:80"), slru.into());
    let two_q = TwoQConfig::default().with_kin(0.1).with_kout(2.0);
    assert_eq!(parse("2q:kin=0.1,kout=2"), two_q.into());
    assert_eq!(parse("arc"), ArcConfig::default().into());
    let lirs = LirsConfig::default().with_hir(0.05).with_stack(3.0);
    assert_eq!(parse("lirs:hir=0.05,stack=3"), lirs.clone().into());
    let lirs = lirs.with_phantoms(true);
    assert_eq!(parse("lirs:hir=0.05,stack=3,phantoms=true"), lirs.into());
    for text in [
        "slru:shares=",
        "slru:shares=1:0",
        "slru:shares=1:1:1:1:1:1:1:1:1",
        "2q:kin=1.1",
        "2q:kout=-1",
        "lirs:hir=2",
        "lirs:stack=0.5",
        "lirs:phantoms=1",
    ] {
        assert!(refused(text).contains("give"), "{}", refused(text));
    }
}

#[test]
fn parameters_of_duel_are_read() {
    let config = DuelConfig::default().with_seed(u64::MAX).with_rate(0.125);
    let text = "duel:seed=18446744073709551615,rate=0.125";
    assert_eq!(parse(text), config.clone().into());
    for mode in DuelMode::ALL {
        let config = config.clone().with_start(mode);
        assert_eq!(
            parse(&format!("{text},start={}", mode.name())),
            config.into()
        );
    }
    for (value, expected) in [
        ("seed=-1", "a number from 0 to 18446744073709551615"),
        ("rate=0", "a share of the keys above 0, up to 1"),
        ("rate=1.01", "a share of the keys above 0, up to 1"),
        ("rate=NaN", "a share of the keys above 0, up to 1"),
        ("start=lru", "f, l, i, m or h"),
        ("start=", "f, l, i, m or h"),
    ] {
        assert_eq!(
            refused(&format!("duel:{value}")),
            format!("duel: {value} is refused: give {expected}")
        );
    }
    assert_eq!(
        refused("duel:window=0.1"),
        "duel has no parameter `window`: it takes seed, rate, start"
    );
    // The default of a parameter is not written.
    assert_eq!(parse("duel:start=i,rate=0.5,seed=0").to_string(), "duel");
}

#[test]
fn what_is_written_is_read_back() {
    for text in [
        "duel:seed=7,rate=0.1,start=m",
        "duel:start=l",
        "slru",
        "slru:shares=1:2:3",
        "2q:kin=0.5",
        "arc",
        "lirs:stack=1.5,phantoms=true",
        "fifo",
        "lru",
        "sieve",
        "clock",
        "clock:bits=8",
        "s3-fifo",
        "s3-fifo:small=0.2,threshold=1",
        "s3-fifo:small=0.3333333333333333,ghost=0,warm-up=small",
        "s3-fifo:ghost-kind=prints",
    ] {
        assert_eq!(parse(text).to_string(), text);
        assert_eq!(parse(&parse(text).to_string()), parse(text));
    }
    assert_eq!(
        parse("s3-fifo:small=0.1,warm-up=main").to_string(),
        "s3-fifo"
    );
}

#[test]
fn clock2q_plus_is_a_name_for_parameters_of_s3_fifo() {
    assert_eq!(parse("clock2q+"), S3FifoConfig::clock2q_plus().into());
    assert_eq!(parse("Clock2Q+").name(), "clock2q+");
    assert_eq!(parse("clock2q+").to_string(), "clock2q+");
    let spelled = "s3-fifo:threshold=1,ghost=0.5,skip=0.5,chances=1";
    assert_eq!(parse(spelled).to_string(), "clock2q+");
    assert_eq!(parse("clock2q+:ghost=0.9").name(), "s3-fifo");
    let wider = S3FifoConfig::clock2q_plus().with_ghost(0.9);
    assert_eq!(parse("clock2q+:ghost=0.9"), wider.into());
    assert_eq!(
        refused("clock2q+:skip=2"),
        "s3-fifo: skip=2 is refused: give a share of the small queue from 0 to 1"
    );
    assert_eq!(
        refused("s3-fifo:chances=0"),
        "s3-fifo: chances=0 is refused: give a number of turns from 1 to 31"
    );
}

#[test]
fn an_unknown_name_lists_the_known() {
    let names: Vec<String> = AnyConfig::all().iter().map(AnyConfig::to_string).collect();
    let known = format!("use one of {}", names.join(", "));
    assert_eq!(refused("mru"), format!("unknown policy `mru`: {known}"));
    assert_eq!(refused(""), format!("unknown policy ``: {known}"));
    assert_eq!(refused("mru:x=1"), format!("unknown policy `mru`: {known}"));
}

#[test]
fn an_unknown_parameter_lists_the_known() {
    assert_eq!(
        refused("s3-fifo:smal=1"),
        "s3-fifo has no parameter `smal`: it takes small, threshold, ghost, warm-up, skip, chances, ghost-kind"
    );
    assert_eq!(
        refused("lru:bits=1"),
        "lru has no parameter `bits`: it takes none"
    );
}

#[test]
fn what_is_no_pair_is_refused() {
    assert_eq!(
        refused("clock:2"),
        "clock: `2` is not of the form parameter=value"
    );
    assert_eq!(
        refused("clock:"),
        "clock: `` is not of the form parameter=value"
    );
    assert_eq!(
        refused("lru:"),
        "lru: `` is not of the form parameter=value"
    );
    assert_eq!(
        refused("clock:bits=2,"),
        "clock: `` is not of the form parameter=value"
    );
    assert_eq!(
        refused("clock:bits=2,bits=3"),
        "clock: bits is given twice: keep one"
    );
}

#[test]
fn values_out_of_range_are_explained() {
    let share = "give a share of the capacity from 0 to 1";
    for value in ["-0.1", "1.01", "NaN", "inf", "much", "", "10%"] {
        let text = format!("s3-fifo:small={value}");
        assert_eq!(
            refused(&text),
            format!("s3-fifo: small={value} is refused: {share}")
        );
    }
    for value in ["0", "32", "300", "-1", "1.5"] {
        let text = format!("s3-fifo:threshold={value}");
        assert_eq!(
            refused(&text),
            format!("s3-fifo: threshold={value} is refused: give a number of hits from 1 to 31")
        );
    }
    assert_eq!(
        refused("s3-fifo:ghost=17"),
        "s3-fifo: ghost=17 is refused: give a share of the capacity from 0 to 16"
    );
    assert_eq!(
        refused("s3-fifo:warm-up=cold"),
        "s3-fifo: warm-up=cold is refused: give main or small"
    );
    for value in ["0", "9", "256", "one"] {
        let text = format!("clock:bits={value}");
        assert_eq!(
            refused(&text),
            format!("clock: bits={value} is refused: give a number from 1 to 8")
        );
    }
}

#[test]
fn a_configuration_made_in_code_is_checked_too() {
    let config: AnyConfig = S3FifoConfig::default().with_ghost(f64::NAN).into();
    let error = AnyPolicy::new(10, &config).unwrap_err();
    let ConfigError::InvalidValue {
        policy,
        parameter,
        value,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(
        (*policy, *parameter, value.as_str()),
        ("s3-fifo", "ghost", "NaN")
    );
    assert_eq!(
        ParseConfigError::from(error.clone()).to_string(),
        error.to_string()
    );
}
