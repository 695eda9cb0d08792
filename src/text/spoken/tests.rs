use super::*;

/// Python, inflect 7.6 and Unidecode 1.4: the published cleaners on these texts.
#[test]
fn texts_are_cleaned_as_published() {
    let golden = [
        (
            "Mr. Smith paid $3.50 to Dr. Jones.",
            "mister smith paid three dollars, fifty cents to doctor jones.",
        ),
        ("£5 note", "psfive note"),
        ("€10", "eurten"),
        (
            "It cost $1,234.56 in 1999.",
            "it cost twelve thirty-four dollars, fifty-six cents in nineteen ninety-nine.",
        ),
        (
            "1905, 2000, 2005, 2015, 1100, 1000, 3000, 2999",
            "nineteen oh five, two thousand, two thousand five, twenty fifteen, eleven hundred, one thousand, \
             three thousand, twenty-nine ninety-nine",
        ),
        ("1001 1010 1200 2010 2100", "ten oh one ten ten twelve hundred twenty ten twenty-one hundred"),
        (
            "121st 2nd 11th 1000th 1234th 20th",
            "one hundred and twenty-first second eleventh one thousandth one thousand, two hundred and \
             thirty-fourth twentieth",
        ),
        (
            "3.14159 and 12345 and 1,000,000",
            "three point fourteen thousand, one hundred fifty-nine and twelve thousand, three hundred \
             forty-five and one million",
        ),
        (
            "$0.75 $.50 $1.00 $2.01 $0 $1.2.3",
            "seventy-five cents fifty cents one dollar two dollars, one cent zero dollars one point two.three \
             dollars",
        ),
        ("naïve café — “quotes” … ½", "naive cafe -- \"quotes\" ... one/two"),
        ("10:30 007 00 1800s 10-12", "ten:thirty seven zero eighteen hundreds ten-twelve"),
    ];
    for (text, want) in golden {
        assert_eq!(Cleaners::English.clean(text), want, "{text}");
    }
}

#[test]
fn abbreviations_are_whole_words_with_a_point() {
    let clean = |text| Cleaners::English.clean(text);
    assert_eq!(clean("Mrs. Co. Capt. Drs."), "misess company captain doctors");
    assert_eq!(clean("first. Mr Col.Sanders st.louis"), "first. mr colonelsanders saintlouis");
}

#[test]
fn the_other_cleaners_leave_more() {
    let text = "  Naïve\t 10 Dr.";
    assert_eq!(Cleaners::Transliteration.clean(text), " naive 10 dr.");
    assert_eq!(Cleaners::Basic.clean(text), " naïve 10 dr.");
    // Any text is taken.
    let nines = "9".repeat(40);
    assert!(Cleaners::English.clean(&nines).starts_with("nine nine nine"));
    assert_eq!(Cleaners::English.clean("$,5 $ , 1,,2,"), "five dollars $ , twelve,");
}

#[test]
fn symbols_are_those_of_the_published_list() {
    let golden = [45, 46, 6, 11, 46, 57, 3, 56, 11, 43, 46, 59, 42, 7];
    assert_eq!(symbols("Hi, it's 5.", Cleaners::English), golden);
    let golden = [57, 58, 55, 51, 11, 106, 82, 131, 131, 133, 73, 119, 11, 52, 48];
    assert_eq!(symbols("Turn {HH AW1 S S T AH0 N} ok", Cleaners::English), golden);
    // The first and the last of each kind; what has no symbol is left out, and nothing is spelt with the padding.
    assert_eq!(symbols("AZaz", Cleaners::Basic), [38, 63, 38, 63]);
    assert_eq!(symbols("{AA}{ZH}", Cleaners::Basic), [64, 147]);
    assert_eq!(symbols("_~%a", Cleaners::Basic), [38]);
    assert_eq!(symbols("{XX} {}b}", Cleaners::Basic), [11]);
    assert_eq!(SYMBOLS, 64 + 84);
    assert_eq!(symbols("", Cleaners::English), [0u32; 0]);
    assert_eq!(sentence("ab", Cleaners::Basic, false), [38, 39, END]);
    assert_eq!(sentence("ab", Cleaners::Basic, true), [BLANK, 38, BLANK, 39, BLANK, END]);
}
