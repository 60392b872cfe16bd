//! Functions and operators of regular expressions. `a SIMILAR TO b ESCAPE c` is `a ~ similar_to_escape(b, c)`, as PostgreSQL's own grammar
//! has it.

use offtake_row::Element;
use offtake_row::Type::{self, Bool, Int4, Text};

use super::resolve::Entry;
use crate::scalar::{Func, RegexFunc};

const BPCHAR: Type = Type::Bpchar(None);
const TEXTS: Type = Type::Array(Element::Text);

const fn entry(name: &'static str, args: &'static [Type], result: Type, func: RegexFunc) -> Entry {
    Entry { name, args, result, func: Some(Func::Regex(func)) }
}

macro_rules! matches {
    ($name:literal, $func:ident) => {
        [
            entry($name, &[Text, Text], Bool, RegexFunc::$func),
            entry($name, &[BPCHAR, Text], Bool, RegexFunc::$func),
        ]
    };
}

pub(super) const OPERATORS: &[&[Entry]] = &[
    &matches!("~", Matches),
    &matches!("!~", DoesNotMatch),
    &matches!("~*", MatchesAnyCase),
    &matches!("!~*", DoesNotMatchAnyCase),
];

pub(super) const FUNCTIONS: &[Entry] = &[
    entry("regexp_replace", &[Text, Text, Text], Text, RegexFunc::Replace),
    entry("regexp_replace", &[Text, Text, Text, Text], Text, RegexFunc::Replace),
    entry("regexp_replace", &[Text, Text, Text, Int4], Text, RegexFunc::Replace),
    entry("regexp_replace", &[Text, Text, Text, Int4, Int4], Text, RegexFunc::Replace),
    entry("regexp_replace", &[Text, Text, Text, Int4, Int4, Text], Text, RegexFunc::Replace),
    entry("substring", &[Text, Text], Text, RegexFunc::Substring),
    entry("substring", &[Text, Text, Text], Text, RegexFunc::SubstringSimilar),
    entry("regexp_like", &[Text, Text], Bool, RegexFunc::Like),
    entry("regexp_like", &[Text, Text, Text], Bool, RegexFunc::Like),
    entry("regexp_count", &[Text, Text], Int4, RegexFunc::Count),
    entry("regexp_count", &[Text, Text, Int4], Int4, RegexFunc::Count),
    entry("regexp_count", &[Text, Text, Int4, Text], Int4, RegexFunc::Count),
    entry("regexp_instr", &[Text, Text], Int4, RegexFunc::Instr),
    entry("regexp_instr", &[Text, Text, Int4], Int4, RegexFunc::Instr),
    entry("regexp_instr", &[Text, Text, Int4, Int4], Int4, RegexFunc::Instr),
    entry("regexp_instr", &[Text, Text, Int4, Int4, Int4], Int4, RegexFunc::Instr),
    entry("regexp_instr", &[Text, Text, Int4, Int4, Int4, Text], Int4, RegexFunc::Instr),
    entry("regexp_instr", &[Text, Text, Int4, Int4, Int4, Text, Int4], Int4, RegexFunc::Instr),
    entry("regexp_substr", &[Text, Text], Text, RegexFunc::Substr),
    entry("regexp_substr", &[Text, Text, Int4], Text, RegexFunc::Substr),
    entry("regexp_substr", &[Text, Text, Int4, Int4], Text, RegexFunc::Substr),
    entry("regexp_substr", &[Text, Text, Int4, Int4, Text], Text, RegexFunc::Substr),
    entry("regexp_substr", &[Text, Text, Int4, Int4, Text, Int4], Text, RegexFunc::Substr),
    entry("regexp_match", &[Text, Text], TEXTS, RegexFunc::Match),
    entry("regexp_match", &[Text, Text, Text], TEXTS, RegexFunc::Match),
    entry("regexp_split_to_array", &[Text, Text], TEXTS, RegexFunc::SplitToArray),
    entry("regexp_split_to_array", &[Text, Text, Text], TEXTS, RegexFunc::SplitToArray),
    entry("similar_to_escape", &[Text], Text, RegexFunc::SimilarEscape),
    entry("similar_to_escape", &[Text, Text], Text, RegexFunc::SimilarEscape),
];
