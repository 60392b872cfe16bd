//! Random interleavings of creations, updates, advances, publications and removals against a naive model.

#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, sync::Arc};

use offtake_lir::{CollectionId, EvalError};
use offtake_results::{Collection, Version, results};
use offtake_row::{Datum, Row, Type};
use rand::{Rng, SeedableRng, rngs::StdRng};

type Bag = BTreeMap<Row, i64>;

/// Everything that was ever said of a collection.
#[derive(Default)]
struct Story {
    since: u64,
    upper: u64,
    visible: bool,
    rows: Vec<(u64, Row, i64)>,
    errors: Vec<(u64, EvalError, i64)>,
    /// What can be taken away without going below zero, at the time of the last update.
    present: Vec<Row>,
    last: u64,
}

impl Story {
    fn at(&self, time: u64) -> Bag {
        let mut bag = Bag::new();
        for (_, row, diff) in self.rows.iter().filter(|(at, ..)| *at <= time) {
            *bag.entry(row.clone()).or_default() += diff;
        }
        bag.retain(|_, count| *count != 0);
        bag
    }

    fn errors_at(&self, time: u64) -> BTreeMap<EvalError, i64> {
        let mut bag = BTreeMap::new();
        for (_, error, diff) in self.errors.iter().filter(|(at, ..)| *at <= time) {
            *bag.entry(error.clone()).or_default() += diff;
        }
        bag.retain(|_, count| *count != 0);
        bag
    }
}

fn row(random: &mut StdRng) -> Row {
    let text = "t".repeat(random.random_range(0..40));
    Row::pack([
        Datum::Int(random.random_range(0..30)),
        if random.random_ratio(1, 5) {
            Datum::Null
        } else {
            Datum::Float8([0.0, -0.0, 1.5][random.random_range(0..3)])
        },
        Datum::Text(&text),
    ])
}

fn bag<'a>(rows: impl Iterator<Item = (&'a Row, i64)>) -> Bag {
    let mut bag = Bag::new();
    for (row, count) in rows {
        assert!(bag.insert(row.clone(), count).is_none(), "a row came twice");
    }
    bag
}

fn check(seed: u64, collection: &Collection, story: &Story, time: u64) {
    let expected = story.at(time);
    let errors = story.errors_at(time);
    assert!(bag(collection.scan()) == expected, "seed {seed}, time {time}: the rows differ");
    assert_eq!(collection.rows(), expected.values().sum::<i64>() as u64, "seed {seed}");
    assert_eq!(collection.errors(), errors.values().sum::<i64>() as u64, "seed {seed}");
    assert_eq!(collection.error(), errors.keys().next(), "seed {seed}");
    assert_eq!(collection.memory_bytes() == 0, expected.is_empty(), "seed {seed}");
    for key in 0..30 {
        for float in [
            None,
            Some(Datum::Null),
            Some(Datum::Float8(0.0)),
            Some(Datum::Float8(-0.0)),
            Some(Datum::Float8(1.5)),
        ] {
            let same = |row: &Row| {
                let found = row.datum(1);
                row.datum(0) == Datum::Int(key)
                    && match (float, found) {
                        (None, _) => true,
                        // SQL's equality: 0.0 = -0.0.
                        (Some(Datum::Float8(a)), Datum::Float8(b)) => a == b,
                        (Some(wanted), found) => wanted == found,
                    }
            };
            let expected: Bag =
                expected.iter().filter(|(row, _)| same(row)).map(|(row, n)| (row.clone(), *n)).collect();
            let (columns, key) = match float {
                None => (vec![0], Row::pack([Datum::Int(key)])),
                Some(float) => (vec![1, 0], Row::pack([float, Datum::Int(key)])),
            };
            let found = bag(collection.lookup(&columns, &key).expect("there is such an index"));
            assert!(found == expected, "seed {seed}, time {time}: a look-up by {columns:?} differs");
        }
    }
    assert!(collection.lookup(&[2], &Row::pack([Datum::Text("t")])).is_none());
}

#[test]
fn versions_equal_the_model_and_old_ones_never_change() {
    let seed = std::env::var("OFFTAKE_RESULTS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| rand::rng().random());
    println!("seed {seed} (repeat with OFFTAKE_RESULTS_SEED={seed})");
    let mut random = StdRng::seed_from_u64(seed);
    let random = &mut random;
    let (results, mut writer) = results();
    let mut stories: BTreeMap<CollectionId, Story> = BTreeMap::new();
    let mut kept: Vec<(Arc<Version>, BTreeMap<CollectionId, Bag>)> = Vec::new();
    let mut published = 0;
    let mut next = 0;
    let mut clock = 10;
    for _ in 0..1_500 {
        clock += random.random_range(0..3);
        match random.random_range(0..20) {
            0 if stories.len() < 6 => {
                let id = CollectionId(next);
                next += 1;
                let since = (clock + random.random_range(0..5)).max(published);
                let types = vec![Type::Int4, Type::Float8, Type::Text];
                writer.create(id, types, vec![vec![0], vec![1, 0]], since);
                let mut story = Story { since, last: since, ..Story::default() };
                let rows: Vec<Row> = (0..random.random_range(0..60)).map(|_| row(random)).collect();
                story.rows.extend(rows.iter().map(|row| (since, row.clone(), 1)));
                story.present.extend(rows.iter().cloned());
                for chunk in rows.chunks(25) {
                    writer.load(id, chunk.iter().map(|row| (row.clone(), 1)).collect());
                }
                stories.insert(id, story);
            }
            1 if random.random_ratio(1, 4) && !stories.is_empty() => {
                let id = *stories.keys().nth(random.random_range(0..stories.len())).unwrap();
                stories.remove(&id);
                writer.remove(id);
                writer.update(id, clock, vec![(row(random), 1)]);
            }
            2..12 if !stories.is_empty() => {
                let id = *stories.keys().nth(random.random_range(0..stories.len())).unwrap();
                let story = stories.get_mut(&id).unwrap();
                let time = story.last.max(story.upper) + random.random_range(0..4);
                story.last = time;
                let mut rows = Vec::new();
                for _ in 0..random.random_range(0..20) {
                    if random.random() && !story.present.is_empty() {
                        rows.push((
                            story.present.swap_remove(random.random_range(0..story.present.len())),
                            -1,
                        ));
                    } else {
                        let row = row(random);
                        story.present.push(row.clone());
                        rows.push((row, 1));
                    }
                }
                story.rows.extend(rows.iter().map(|(row, diff)| (time, row.clone(), *diff)));
                // As the workers of a dataflow do, in pieces.
                let (first, second) = rows.split_at(rows.len() / 2);
                writer.update(id, time, second.to_vec());
                writer.update(id, time, first.to_vec());
                if random.random_ratio(1, 3) {
                    writer.prepare(id, time + random.random_range(0..2));
                }
                if random.random_ratio(1, 8) {
                    let error = EvalError::internal(format!("error {}", random.random_range(0..3)));
                    let there = story.errors_at(u64::MAX).contains_key(&error);
                    let diff = if there { -1 } else { 1 };
                    story.errors.push((time, error.clone(), diff));
                    writer.update_errors(id, time, vec![(error, diff)]);
                }
                if story.visible && random.random_ratio(1, 6) {
                    let kept = story.upper.max(published + 1) - 1 + random.random_range(0..2);
                    let mut expected = Bag::new();
                    for (_, row, diff) in story.rows.iter().filter(|(at, ..)| *at > kept) {
                        *expected.entry(row.clone()).or_default() += diff;
                    }
                    let mut taken = Bag::new();
                    for (row, diff) in writer.take_back(id, kept) {
                        *taken.entry(row).or_default() += diff;
                    }
                    assert!(taken == expected, "seed {seed}: other rows were taken back");
                    story.rows.retain(|(at, ..)| *at <= kept);
                    story.errors.retain(|(at, ..)| *at <= kept);
                    let left = story.at(u64::MAX);
                    let times = |(row, count): (Row, i64)| std::iter::repeat_n(row, count as usize);
                    story.present = left.into_iter().flat_map(times).collect();
                }
            }
            12..17 if !stories.is_empty() => {
                let id = *stories.keys().nth(random.random_range(0..stories.len())).unwrap();
                let story = stories.get_mut(&id).unwrap();
                story.upper = story
                    .upper
                    .max(story.last + random.random_range(1..4))
                    .max(random.random_range(0..=clock));
                writer.advance(id, story.upper);
                writer.advance(id, 3);
                assert_eq!(writer.upper(id), Some(story.upper));
                let snapshot = writer.snapshot(id);
                assert_eq!(snapshot.is_some(), story.upper > story.since, "seed {seed}");
                if let Some(snapshot) = snapshot {
                    assert_eq!(snapshot.time(), story.upper - 1);
                    assert!(
                        bag(snapshot.scan()) == story.at(story.upper - 1),
                        "seed {seed}: a snapshot differs"
                    );
                }
            }
            _ => {
                // The rule, said once more.
                let visible = stories.values().filter(|story| story.visible).map(|story| story.upper).min();
                let complete = stories.values().filter(|s| s.upper > s.since && s.upper > published);
                let upper = visible.or(complete.map(|story| story.upper).min());
                let time = upper.map_or(published, |upper| upper - 1).max(published);
                let time_before = published;
                published = writer.publish();
                assert_eq!(published, time, "seed {seed}");
                assert!(published >= time_before);
                let version = results.current();
                assert_eq!(*results.subscribe().borrow(), published);
                assert_eq!((version.time(), writer.time()), (published, published));
                let mut contents = BTreeMap::new();
                for (id, story) in &mut stories {
                    story.visible |= story.since <= published && story.upper > published;
                    assert_eq!(version.get(*id).is_some(), story.visible, "seed {seed}");
                    assert_eq!(writer.is_visible(*id), story.visible);
                    if let Some(collection) = version.get(*id) {
                        check(seed, collection, story, published);
                        contents.insert(*id, story.at(published));
                    }
                }
                assert_eq!(version.collections().count(), contents.len(), "seed {seed}");
                if random.random_ratio(1, 20) {
                    kept.push((version, contents));
                }
            }
        }
    }
    for (version, contents) in kept {
        assert_eq!(version.collections().count(), contents.len());
        for (id, rows) in contents {
            assert!(
                bag(version.get(id).unwrap().scan()) == rows,
                "seed {seed}: version {} changed",
                version.time()
            );
        }
    }
}

fn int(value: i64) -> Row {
    Row::pack([Datum::Int(value)])
}

#[test]
fn what_does_not_add_up_is_an_error_and_not_a_panic() {
    let (results, mut writer) = results();
    let id = CollectionId(1);
    writer.create(id, vec![Type::Int8], vec![vec![0]], 5);
    writer.load(id, vec![(int(1), 1)]);
    writer.advance(id, 6);
    writer.publish();
    writer.update(id, 6, vec![(int(2), -1), (int(1), 2)]);
    writer.advance(id, 7);
    writer.publish();
    let version = results.current();
    let collection = version.get(id).unwrap();
    assert_eq!(collection.error().unwrap().code.as_str(), "XX000");
    assert_eq!((collection.rows(), collection.errors()), (3, 1));

    // It heals when the row comes after all.
    writer.update(id, 7, vec![(int(2), 1), (int(1), i64::MAX)]);
    writer.advance(id, 8);
    assert_eq!(writer.publish(), 7);
    assert!(results.current().get(id).unwrap().error().is_none());

    // What comes too late does not.
    writer.update(id, 3, vec![(int(9), 1)]);
    writer.advance(id, 9);
    writer.publish();
    writer.advance(id, 10);
    writer.publish();
    assert!(results.current().get(id).unwrap().error().unwrap().message.contains("time 3"));
}

#[test]
fn readers_wait_for_a_time_and_learn_that_the_writer_is_gone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (results, mut writer) = results();
        let id = CollectionId(1);
        writer.create(id, vec![Type::Int8], vec![], 5);
        writer.advance(id, 6);
        writer.publish();
        assert_eq!(results.wait_for(5).await.unwrap().time(), 5);
        let waiting = tokio::spawn({
            let results = Arc::clone(&results);
            async move { results.wait_for(9).await.map(|version| version.time()) }
        });
        tokio::task::yield_now().await;
        writer.advance(id, 13);
        let publisher = std::thread::spawn(move || {
            writer.publish();
            writer
        });
        assert_eq!(waiting.await.unwrap(), Ok(12));
        drop(publisher.join().unwrap());
        assert_eq!(results.wait_for(12).await.unwrap().time(), 12);
        assert!(results.wait_for(13).await.is_err());
    });
}
