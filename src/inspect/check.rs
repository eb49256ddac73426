//! `vestibule check`: is the policy right, is every secret there and readable.
//!
//! In: the policy and what `collect` finds. Out: every fault at once, or what
//! main would get; as text, or as one JSON object.
//!
//! **Never:** a value, or a yes although a start would be refused.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::collect::summary::Summary;
use crate::report::{Fault, Reporter, answer, exit_of, list, quote};

/// What a start would come to.
pub enum Outcome {
    /// It would be refused, for these reasons.
    Refused(Vec<Box<dyn Fault>>),
    /// Main would be started with this; `None`: with no secret at all.
    Ready(Option<Summary>),
}

/// Prints the outcome and returns the exit code: 0, or that of the first fault.
#[must_use]
pub fn answer_with(outcome: &Outcome, as_json: bool, report: Reporter) -> u8 {
    match outcome {
        _ if as_json => answer(&format!("{}\n", to_json(outcome))),
        Outcome::Refused(faults) => return report.refusals(faults).code(),
        Outcome::Ready(summary) => {
            answer(&to_text(summary.as_ref()));
            for advice in summary.iter().flat_map(Summary::advice) {
                report.warning(&advice);
            }
        }
    }
    match outcome {
        Outcome::Refused(faults) => exit_of(faults).code(),
        Outcome::Ready(_) => 0,
    }
}

fn to_text(summary: Option<&Summary>) -> String {
    let Some(summary) = summary else {
        return "right: there is no policy and no secret; the command gets the container's variables\n".into();
    };
    let names = |items: &[String]| list(&items.iter().map(quote).collect::<Vec<_>>());
    let mut text = String::from("right: a start would not be refused\n");
    for (label, items) in [
        ("given:    ", &summary.given),
        ("withheld: ", &summary.withheld),
        ("removed:  ", &summary.removed),
    ] {
        if !items.is_empty() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {label}{}", names(items));
        }
    }
    text
}

fn to_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Refused(faults) => {
            let faults: Vec<Value> = faults
                .iter()
                .map(|fault| described(fault.as_ref()))
                .collect();
            json!({ "ok": false, "faults": faults })
        }
        Outcome::Ready(summary) => {
            let empty = Summary::default();
            let summary = summary.as_ref().unwrap_or(&empty);
            let warnings: Vec<Value> = summary
                .advice()
                .iter()
                .map(|advice| described(advice))
                .collect();
            json!({
                "ok": true,
                "given": summary.given,
                "withheld": summary.withheld,
                "removed": summary.removed,
                "warnings": warnings,
            })
        }
    }
}

fn described(fault: &dyn Fault) -> Value {
    let mut object = Map::new();
    object.insert("what".into(), fault.what().into());
    object.insert("where".into(), fault.place().into());
    object.insert("fix".into(), fault.remedy().into());
    object.insert("exit".into(), fault.exit().code().into());
    Value::Object(object)
}
