//! `vestibule check`: is the policy right, is every secret there and readable.
//!
//! In: the policy and what `collect` finds. Out: every fault at once, or what
//! main would get; as text, or as one JSON object.
//!
//! **Never:** a value, or a yes although a start would be refused.

use std::fmt::Write as _;

use crate::cli::Options;
use crate::collect::accounts::Identity;
use crate::collect::summary::Summary;
use crate::gather::{Gathered, Phases, gather};
use crate::json::Value;
use crate::report::{Fault, Reporter, answer as print, answer_json, boxed, exit_of, list, quote};
use crate::run::AlmostMain;
use crate::run::confine::prove::OutOfReach;
use crate::setup::ground;
use crate::setup::need::Need;
use crate::start::Caller;

/// What a start would come to.
enum Outcome {
    /// It would be refused, for these reasons.
    Refused(Vec<Box<dyn Fault>>),
    /// Main would be started like this; `None`: with no secret at all.
    Ready(Option<Box<Ready>>),
}

/// What main would get, and how far it would be kept from the rest.
struct Ready {
    summary: Summary,
    proof: OutOfReach,
}

/// Prints what a start would come to, and returns the exit code: 0, or that of
/// the first fault. Becoming main but for its program needs no other process:
/// this one ends anyway.
#[must_use]
pub fn answer(options: &Options, caller: &Caller) -> u8 {
    let outcome = rehearse(options, caller).map_or_else(Outcome::Refused, Outcome::Ready);
    say(&outcome, options.json, options.report)
}

fn rehearse(options: &Options, caller: &Caller) -> Result<Option<Box<Ready>>, Vec<Box<dyn Fault>>> {
    let gathered = gather(options, Phases::All)?;
    refuse_ground(&gathered)?;
    let has_secrets = gathered.pinned.is_some();
    let (preparation, mut collected) = gathered.into_parts();
    // Nobody would take the copies away again.
    collected.files.clear();
    let summary = std::mem::take(&mut collected.summary);
    let almost = AlmostMain::become_it(collected, &preparation, caller);
    let proof = almost.and_then(|almost| almost.prove(None).map_err(boxed));
    let (_, proof) = proof.map_err(|fault| vec![fault])?;
    Ok(has_secrets.then(|| Box::new(Ready { summary, proof })))
}

/// Setup would run on this ground. What an earlier start owes is no matter for a
/// look: it would be cleared away before.
fn refuse_ground(gathered: &Gathered) -> Result<(), Vec<Box<dyn Fault>>> {
    let rules = gathered
        .policy
        .as_ref()
        .and_then(|policy| policy.setup.as_ref());
    let (Some(rules), Some(material), Some((setup, Need::Run))) =
        (rules, &gathered.collected.setup, &gathered.setup)
    else {
        return Ok(());
    };
    let main = gathered.identity.clone().unwrap_or_else(Identity::own);
    let faults = ground::faults(rules, material, setup, &main);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// Says why a start would be refused, as text or JSON, and returns the code.
#[must_use]
pub fn refuse(faults: Vec<Box<dyn Fault>>, options: &Options) -> u8 {
    say(&Outcome::Refused(faults), options.json, options.report)
}

fn say(outcome: &Outcome, as_json: bool, report: Reporter) -> u8 {
    match outcome {
        _ if as_json => answer_json(&to_json(outcome)),
        Outcome::Refused(faults) => return report.refusals(faults).code(),
        Outcome::Ready(ready) => {
            print(&to_text(ready.as_deref()));
            for advice in ready.iter().flat_map(|ready| ready.summary.advice()) {
                report.warning(&advice);
            }
        }
    }
    match outcome {
        Outcome::Refused(faults) => exit_of(faults).code(),
        Outcome::Ready(_) => 0,
    }
}

fn to_text(ready: Option<&Ready>) -> String {
    let Some(Ready { summary, proof }) = ready else {
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
    if let Some(standing) = proof.standing().sentence() {
        let _ = writeln!(text, "  {standing}");
    }
    text
}

fn to_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Refused(faults) => {
            let faults = faults.iter().map(|fault| described(fault.as_ref()));
            Value::Object(vec![("ok", false.into()), ("faults", faults.collect())])
        }
        Outcome::Ready(ready) => {
            let empty = Summary::default();
            let summary = ready.as_ref().map_or(&empty, |ready| &ready.summary);
            let advice = summary.advice();
            let warnings = advice.iter().map(|advice| described(advice));
            let mut answer = vec![
                ("ok", true.into()),
                ("given", summary.given.as_slice().into()),
                ("withheld", summary.withheld.as_slice().into()),
                ("removed", summary.removed.as_slice().into()),
                ("warnings", warnings.collect()),
            ];
            if let Some(ready) = ready {
                answer.extend(ready.proof.standing().fields());
            }
            Value::Object(answer)
        }
    }
}

fn described(fault: &dyn Fault) -> Value {
    Value::Object(vec![
        ("what", fault.what().into()),
        ("where", fault.place().into()),
        ("fix", fault.remedy().into()),
        ("exit", fault.exit().code().into()),
    ])
}
