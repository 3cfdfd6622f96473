//! Any bytes as a trace, in every format: requests or one error, in bounded memory, never a panic.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use strata_cli::trace::{CsvHeader, CsvOptions, Format, OpenOptions};

fuzz_target!(|data: &[u8]| {
    let Some((&choice, content)) = data.split_first() else {
        return;
    };
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), content).expect("room for the trace");
    let csv = |csv| OpenOptions::new().format(Format::Csv).csv(csv);
    let columns = Some("time=1,key=2,size=3,next=4".parse().expect("columns"));
    let options = match choice % 8 {
        0 => OpenOptions::new(),
        1 => OpenOptions::new().format(Format::OracleGeneral),
        2 => OpenOptions::new().format(Format::Arc),
        3 => OpenOptions::new().format(Format::Lirs),
        4 => OpenOptions::new().format(Format::Keys),
        5 => csv(CsvOptions::default()),
        6 => csv(CsvOptions {
            columns,
            ..CsvOptions::default()
        }),
        _ => csv(CsvOptions {
            columns,
            header: CsvHeader::No,
            ..CsvOptions::default()
        }),
    };
    let Ok(mut reader) = options.open(file.path()) else {
        return;
    };
    let mut requests = 0;
    // An ARC line may stand for 2^16 requests: a few thousand show what reading does.
    for request in reader.by_ref().take(4096) {
        match request {
            Ok(_) => requests += 1,
            Err(error) => {
                assert!(!error.to_string().contains('\n'), "an error is one line");
                break;
            }
        }
    }
    assert_eq!(reader.requests(), requests);
});
