//! Sets of characters, and the classes that characters fall into for one expression.
//!
//! Letters, digits and the like are those of a database in C.UTF-8, cases are Unicode's; for ASCII all locales agree.

use std::{collections::HashMap, sync::OnceLock};

use crate::scalar::text::{simple_lower, simple_upper};

/// The last code that a character may have here.
const LAST: u32 = 0x10_ffff;

/// Ranges of codes, both ends included; in order and apart once [`CharSet::settle`] was called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct CharSet {
    ranges: Vec<(u32, u32)>,
}

/// A named class. Source: PostgreSQL documentation, 9.7.3.2 and 9.7.3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Alnum,
    Alpha,
    Ascii,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Xdigit,
    /// Letters, digits and `_`.
    Word,
}

impl Named {
    const ALL: [(Named, &'static str); 14] = [
        (Named::Alnum, "alnum"),
        (Named::Alpha, "alpha"),
        (Named::Ascii, "ascii"),
        (Named::Blank, "blank"),
        (Named::Cntrl, "cntrl"),
        (Named::Digit, "digit"),
        (Named::Graph, "graph"),
        (Named::Lower, "lower"),
        (Named::Print, "print"),
        (Named::Punct, "punct"),
        (Named::Space, "space"),
        (Named::Upper, "upper"),
        (Named::Xdigit, "xdigit"),
        (Named::Word, "word"),
    ];

    pub(super) fn of(name: &str) -> Option<Named> {
        Named::ALL.iter().find(|(_, known)| *known == name).map(|(class, _)| *class)
    }

    /// Its characters. Computed once.
    pub(super) fn set(self) -> &'static CharSet {
        static SETS: [OnceLock<CharSet>; 14] = [const { OnceLock::new() }; 14];
        SETS[self as usize].get_or_init(|| {
            let mut set = CharSet::default();
            match self {
                Named::Alpha | Named::Lower | Named::Upper | Named::Punct | Named::Space => {
                    set = self.listed()
                }
                Named::Ascii => set.add(u32::from('\0'), u32::from('\x7f')),
                Named::Blank => {
                    set.add(u32::from(' '), u32::from(' '));
                    set.add(u32::from('\t'), u32::from('\t'));
                }
                Named::Cntrl => {
                    set.add(u32::from('\0'), u32::from('\x1f'));
                    set.add(u32::from('\x7f'), u32::from('\u{9f}'));
                }
                Named::Digit => set.add(u32::from('0'), u32::from('9')),
                Named::Xdigit => {
                    set.add(u32::from('0'), u32::from('9'));
                    set.add(u32::from('a'), u32::from('f'));
                    set.add(u32::from('A'), u32::from('F'));
                }
                Named::Alnum => {
                    set.add(u32::from('0'), u32::from('9'));
                    set.add_all(Named::Alpha.set());
                }
                Named::Word => {
                    set.add(u32::from('_'), u32::from('_'));
                    set.add_all(Named::Alnum.set());
                }
                Named::Graph => {
                    set.add_all(Named::Alnum.set());
                    set.add_all(Named::Punct.set());
                }
                Named::Print => {
                    set.add_all(Named::Graph.set());
                    // Blanks that are no line breaks.
                    for (from, to) in &Named::Space.set().ranges {
                        if !matches!(from, 0x9..=0xd | 0x2028..=0x2029) {
                            set.add(*from, *to);
                        }
                    }
                    set.add(u32::from(' '), u32::from(' '));
                }
            }
            set.settle();
            set
        })
    }

    /// What the list of characters by class has.
    fn listed(self) -> CharSet {
        let mut set = CharSet::default();
        let name = Named::ALL.iter().find(|(class, _)| *class == self).map_or("", |(_, name)| name);
        let lines = include_str!("classes.txt").lines().filter_map(|line| line.strip_prefix(name));
        for range in lines.flat_map(str::split_ascii_whitespace) {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            if let (Ok(from), Ok(to)) = (u32::from_str_radix(from, 16), u32::from_str_radix(to, 16)) {
                set.add(from, to);
            }
        }
        set
    }
}

impl CharSet {
    pub(super) fn add(&mut self, from: u32, to: u32) {
        self.ranges.push((from, to));
    }

    pub(super) fn add_all(&mut self, other: &CharSet) {
        self.ranges.extend_from_slice(&other.ranges);
    }

    /// Adds the characters from `from` to `to` in both cases.
    pub(super) fn add_cases(&mut self, from: u32, to: u32) {
        self.add(from, to);
        for c in (from..=to.min(LAST)).filter_map(char::from_u32) {
            for other in [simple_lower(c), simple_upper(c)] {
                if !(from..=to).contains(&u32::from(other)) {
                    self.add(other.into(), other.into());
                }
            }
        }
    }

    /// Sorts the ranges and joins those that touch.
    pub(super) fn settle(&mut self) {
        self.ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(self.ranges.len());
        for (from, to) in self.ranges.drain(..) {
            match joined.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        self.ranges = joined;
    }

    /// All other characters.
    pub(super) fn complement(mut self) -> CharSet {
        self.settle();
        let mut others = CharSet::default();
        let mut next = 0;
        for (from, to) in &self.ranges {
            if *from > next {
                others.add(next, from - 1);
            }
            next = to.saturating_add(1);
        }
        if next <= LAST {
            others.add(next, LAST);
        }
        others
    }

    /// Every character.
    pub(super) fn all() -> CharSet {
        CharSet { ranges: vec![(0, LAST)] }
    }
}

/// Whether a character is of the class `alnum`.
pub(crate) fn is_alphanumeric(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    let ranges = &Named::Alnum.set().ranges;
    let behind = ranges.partition_point(|(from, _)| *from <= u32::from(c));
    behind.checked_sub(1).is_some_and(|place| ranges[place].1 >= u32::from(c))
}

/// What a boundary between two characters can see of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Neighbour {
    /// None: the text starts or ends.
    Edge,
    Newline,
    Word,
    Other,
}

/// Characters that no set of the expression tells apart are one class.
#[derive(Debug)]
pub(super) struct Classes {
    ascii: [u16; 128],
    /// The first code of each stretch and its class.
    stretches: Vec<(u32, u16)>,
    /// For each class, whether each set has it.
    members: Vec<Vec<bool>>,
    neighbours: Vec<Neighbour>,
}

impl Classes {
    /// `with_neighbours`: newlines and the characters of words are classes of their own.
    pub(super) fn new(sets: &[CharSet], with_neighbours: bool) -> Classes {
        let mut newline = CharSet::default();
        newline.add('\n'.into(), '\n'.into());
        let mut all: Vec<&CharSet> = sets.iter().collect();
        if with_neighbours {
            all.push(&newline);
            all.push(Named::Word.set());
        }
        // Where something begins or ends, which set, and whether it begins.
        let mut edges: Vec<(u32, usize, bool)> = Vec::new();
        for (index, set) in all.iter().enumerate() {
            for (from, to) in &set.ranges {
                edges.push((*from, index, true));
                edges.push((to.saturating_add(1), index, false));
            }
        }
        edges.sort_unstable();
        let mut inside = vec![false; all.len()];
        let mut known: HashMap<Vec<bool>, u16> = HashMap::new();
        let mut members: Vec<Vec<bool>> = Vec::new();
        let mut class_of = |inside: &Vec<bool>| -> u16 {
            *known.entry(inside.clone()).or_insert_with(|| {
                members.push(inside.clone());
                (members.len() - 1) as u16
            })
        };
        let mut stretches = vec![(0, class_of(&inside))];
        let mut edges = edges.into_iter().peekable();
        while let Some((code, index, begins)) = edges.next() {
            inside[index] = begins;
            if edges.peek().is_none_or(|(next, _, _)| *next != code) {
                let class = class_of(&inside);
                match stretches.last_mut() {
                    Some(last) if last.0 == code => last.1 = class,
                    Some(last) if last.1 == class => {}
                    _ => stretches.push((code, class)),
                }
            }
        }
        let neighbours = members
            .iter()
            .map(|inside| match with_neighbours {
                true if inside[sets.len()] => Neighbour::Newline,
                true if inside[sets.len() + 1] => Neighbour::Word,
                _ => Neighbour::Other,
            })
            .collect();
        let mut classes = Classes { ascii: [0; 128], stretches, members, neighbours };
        for code in 0..128u8 {
            classes.ascii[usize::from(code)] = classes.search(u32::from(code));
        }
        classes
    }

    fn search(&self, code: u32) -> u16 {
        let behind = self.stretches.partition_point(|(from, _)| *from <= code);
        self.stretches.get(behind.saturating_sub(1)).map_or(0, |(_, class)| *class)
    }

    #[inline]
    pub(super) fn of(&self, c: char) -> u16 {
        match self.ascii.get(c as usize) {
            Some(class) => *class,
            None => self.search(c.into()),
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.members.len()
    }

    pub(super) fn in_set(&self, class: u16, set: usize) -> bool {
        self.members[usize::from(class)][set]
    }

    pub(super) fn neighbour(&self, class: u16) -> Neighbour {
        self.neighbours[usize::from(class)]
    }
}
