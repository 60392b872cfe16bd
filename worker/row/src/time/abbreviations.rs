//! Abbreviations of time zones: PostgreSQL's default set (`timezonesets/Default` of version 15).

/// Sorted by name, in lower case; the offset in seconds east of UTC.
#[rustfmt::skip]
const ABBREVIATIONS: &[(&[u8], i32)] = &[
    (b"acdt", 37_800), (b"acsst", 37_800), (b"acst", 34_200), (b"act", -18_000), (b"acwst", 31_500),
    (b"adt", -10_800), (b"aedt", 39_600), (b"aesst", 39_600), (b"aest", 36_000), (b"aft", 16_200),
    (b"akdt", -28_800), (b"akst", -32_400), (b"almst", 25_200), (b"almt", 21_600), (b"amt", -14_400),
    (b"ast", -14_400), (b"awsst", 32_400), (b"awst", 28_800), (b"azost", 0), (b"azot", -3_600),
    (b"bdst", 7_200), (b"bdt", 21_600), (b"bnt", 28_800), (b"bort", 28_800), (b"bot", -14_400),
    (b"bra", -10_800), (b"brst", -7_200), (b"brt", -10_800), (b"bst", 3_600), (b"btt", 21_600),
    (b"cadt", 37_800), (b"cast", 34_200), (b"cct", 28_800), (b"cdt", -18_000), (b"cest", 7_200),
    (b"cet", 3_600), (b"cetdst", 7_200), (b"chadt", 49_500), (b"chast", 45_900), (b"chut", 36_000),
    (b"clst", -10_800), (b"cot", -18_000), (b"cst", -21_600), (b"cxt", 25_200), (b"ddut", 36_000),
    (b"eat", 10_800), (b"edt", -14_400), (b"eest", 10_800), (b"eet", 7_200), (b"eetdst", 10_800),
    (b"egst", 0), (b"egt", -3_600), (b"est", -18_000), (b"fet", 10_800), (b"fjst", 46_800),
    (b"fjt", 43_200), (b"fnst", -3_600), (b"fnt", -7_200), (b"galt", -21_600), (b"gamt", -32_400),
    (b"gft", -10_800), (b"gilt", 43_200), (b"gmt", 0), (b"hkt", 28_800), (b"hst", -36_000),
    (b"ict", 25_200), (b"idt", 10_800), (b"irt", 12_600), (b"ist", 7_200), (b"jayt", 32_400),
    (b"jst", 32_400), (b"kdt", 36_000), (b"kgst", 21_600), (b"kst", 32_400), (b"lhst", 37_800),
    (b"ligt", 36_000), (b"mart", -34_200), (b"mdt", -21_600), (b"mest", 7_200), (b"mesz", 7_200),
    (b"met", 3_600), (b"metdst", 7_200), (b"mez", 3_600), (b"mht", 43_200), (b"mmt", 23_400),
    (b"mpt", 36_000), (b"msd", 14_400), (b"mst", -25_200), (b"must", 18_000), (b"mut", 14_400),
    (b"mvt", 18_000), (b"myt", 28_800), (b"ndt", -9_000), (b"nft", -12_600), (b"npt", 20_700),
    (b"nst", -12_600), (b"nzdt", 46_800), (b"nzst", 43_200), (b"nzt", 43_200), (b"pdt", -25_200),
    (b"pet", -18_000), (b"pgt", 36_000), (b"pht", 28_800), (b"pkst", 21_600), (b"pkt", 18_000),
    (b"pmdt", -7_200), (b"pmst", -10_800), (b"pont", 39_600), (b"pst", -28_800), (b"pwt", 32_400),
    (b"pyst", -10_800), (b"ret", 14_400), (b"sadt", 37_800), (b"sast", 7_200), (b"sct", 14_400),
    (b"taht", -36_000), (b"tft", 18_000), (b"tjt", 18_000), (b"tot", 46_800), (b"trut", 36_000),
    (b"tvt", 43_200), (b"uct", 0), (b"ulast", 32_400), (b"ut", 0), (b"utc", 0), (b"uyst", -7_200),
    (b"uyt", -10_800), (b"uzst", 21_600), (b"uzt", 18_000), (b"vut", 39_600), (b"wadt", 28_800),
    (b"wakt", 43_200), (b"wast", 25_200), (b"wat", 3_600), (b"wdt", 32_400), (b"wet", 0),
    (b"wetdst", 3_600), (b"wft", 43_200), (b"wgst", -7_200), (b"wgt", -10_800), (b"xjt", 21_600),
    (b"yapt", 36_000), (b"yekst", 21_600), (b"z", 0), (b"zulu", 0),
];

/// Sorted by name, in lower case: those whose offset changed over time, and the place whose history tells it.
#[rustfmt::skip]
const PLACES: &[(&[u8], &str)] = &[
    (b"amst", "Asia/Yerevan"), (b"anast", "Asia/Anadyr"), (b"anat", "Asia/Anadyr"),
    (b"arst", "America/Argentina/Buenos_Aires"), (b"art", "America/Argentina/Buenos_Aires"), (b"azst", "Asia/Baku"),
    (b"azt", "Asia/Baku"), (b"ckt", "Pacific/Rarotonga"), (b"clt", "America/Santiago"), (b"davt", "Antarctica/Davis"),
    (b"easst", "Pacific/Easter"), (b"east", "Pacific/Easter"), (b"fkst", "Atlantic/Stanley"),
    (b"fkt", "Atlantic/Stanley"), (b"gest", "Asia/Tbilisi"), (b"get", "Asia/Tbilisi"), (b"gyt", "America/Guyana"),
    (b"iot", "Indian/Chagos"), (b"irkst", "Asia/Irkutsk"), (b"irkt", "Asia/Irkutsk"), (b"kgt", "Asia/Bishkek"),
    (b"kost", "Pacific/Kosrae"), (b"krast", "Asia/Krasnoyarsk"), (b"krat", "Asia/Krasnoyarsk"),
    (b"lhdt", "Australia/Lord_Howe"), (b"lint", "Pacific/Kiritimati"), (b"lkt", "Asia/Colombo"),
    (b"magst", "Asia/Magadan"), (b"magt", "Asia/Magadan"), (b"mawt", "Antarctica/Mawson"), (b"msk", "Europe/Moscow"),
    (b"novst", "Asia/Novosibirsk"), (b"novt", "Asia/Novosibirsk"), (b"nut", "Pacific/Niue"), (b"omsst", "Asia/Omsk"),
    (b"omst", "Asia/Omsk"), (b"petst", "Asia/Kamchatka"), (b"pett", "Asia/Kamchatka"), (b"pyt", "America/Asuncion"),
    (b"sgt", "Asia/Singapore"), (b"tkt", "Pacific/Fakaofo"), (b"tmt", "Asia/Ashgabat"), (b"ulat", "Asia/Ulaanbaatar"),
    (b"vet", "America/Caracas"), (b"vlast", "Asia/Vladivostok"), (b"vlat", "Asia/Vladivostok"),
    (b"volt", "Europe/Volgograd"), (b"yakst", "Asia/Yakutsk"), (b"yakt", "Asia/Yakutsk"),
    (b"yekt", "Asia/Yekaterinburg"),
];

/// The place whose history tells the offset of an abbreviation in lower case.
pub(super) fn place(name: &[u8]) -> Option<&'static str> {
    let at = PLACES.binary_search_by_key(&name, |(name, _)| *name).ok()?;
    Some(PLACES[at].1)
}

/// The offset of an abbreviation in lower case, in seconds east of UTC.
pub(super) fn offset(name: &[u8]) -> Option<i32> {
    let at = ABBREVIATIONS.binary_search_by_key(&name, |(name, _)| *name).ok()?;
    Some(ABBREVIATIONS[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(ABBREVIATIONS.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(offset(b"pst"), Some(-8 * 3600));
        assert!(PLACES.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!((offset(b"msk"), place(b"msk")), (None, Some("Europe/Moscow")), "Moscow's offset changed");
    }
}
