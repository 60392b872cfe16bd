//! Exact sums, squares and products of floats: what variances, covariances and regressions are made of.
//!
//! PostgreSQL (`float8_accum`, `float8_regr_accum`: Youngs and Cramer's updating) rounds at each row, so that its answer depends on the
//! order of the rows. Here the sums that its state stands for are exact and are rounded once, and the last step is PostgreSQL's own
//! float arithmetic over them: equal answers wherever PostgreSQL's sums happen to be exact or well rounded, and otherwise last digits
//! that are nearer to the truth.

use offtake_row::Datum;
use serde::{Deserialize, Serialize};

use super::{
    Regression, Spread,
    dyadic::Dyadic,
    float_sum::{Specials, centered},
};
use crate::error::EvalError;

/// Sums over values, or over pairs of values (first argument y, second x).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FloatMoments {
    count: i64,
    x: Side,
    y: Side,
    /// Of pairs of finite values.
    products: Dyadic,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Side {
    specials: Specials,
    /// Of the finite values.
    sum: Dyadic,
    /// Of the finite values.
    squares: Dyadic,
}

impl Side {
    fn new(value: f64, diff: i64) -> Side {
        match Specials::of(value, diff) {
            Some(specials) => Side { specials, ..Side::default() },
            None => {
                let exact = Dyadic::of(value);
                let squares = exact.times(&exact).scaled(diff);
                Side { specials: Specials::default(), sum: exact.scaled(diff), squares }
            }
        }
    }

    fn plus(&self, other: &Side) -> Side {
        Side {
            specials: self.specials.plus(other.specials),
            sum: self.sum.plus(&other.sum),
            squares: self.squares.plus(&other.squares),
        }
    }

    fn times(&self, factor: i64) -> Side {
        Side {
            specials: self.specials.times(factor),
            sum: self.sum.scaled(factor),
            squares: self.squares.scaled(factor),
        }
    }

    fn is_finite(&self) -> bool {
        self.specials == Specials::default()
    }

    fn total(&self) -> Result<f64, EvalError> {
        self.specials.sum().map_or_else(|| self.sum.rounded(), Ok)
    }

    /// The sum of the squared deviations from the average.
    fn deviations(&self, count: i64) -> Result<f64, EvalError> {
        if !self.is_finite() {
            return Ok(f64::NAN);
        }
        centered(count, &self.squares, &self.sum, &self.sum)
    }
}

impl FloatMoments {
    /// Of one value.
    pub(super) fn of(value: f64, diff: i64) -> FloatMoments {
        FloatMoments { count: diff, x: Side::new(value, diff), ..FloatMoments::default() }
    }

    /// Of a pair.
    pub(super) fn of_pair(y: f64, x: f64, diff: i64) -> FloatMoments {
        let finite = x.is_finite() && y.is_finite();
        FloatMoments {
            count: diff,
            x: Side::new(x, diff),
            y: Side::new(y, diff),
            products: if finite {
                Dyadic::of(x).times(&Dyadic::of(y)).scaled(diff)
            } else {
                Dyadic::default()
            },
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        *self == FloatMoments::default()
    }

    #[must_use]
    pub(super) fn plus(&self, other: &FloatMoments) -> FloatMoments {
        FloatMoments {
            count: self.count.wrapping_add(other.count),
            x: self.x.plus(&other.x),
            y: self.y.plus(&other.y),
            products: self.products.plus(&other.products),
        }
    }

    #[must_use]
    pub(super) fn times(&self, factor: i64) -> FloatMoments {
        FloatMoments {
            count: self.count.wrapping_mul(factor),
            x: self.x.times(factor),
            y: self.y.times(factor),
            products: self.products.scaled(factor),
        }
    }

    /// Source: `float8_var_pop` and its like.
    pub(super) fn spread(&self, spread: Spread) -> Result<Datum<'static>, EvalError> {
        if self.count < 1 {
            return Ok(Datum::Null);
        }
        self.x.total()?;
        let deviations = self.x.deviations(self.count)?;
        if spread.of_sample() && self.count == 1 {
            return Ok(Datum::Null);
        }
        let divisor = if spread.of_sample() { self.count - 1 } else { self.count };
        let variance = deviations / divisor as f64;
        Ok(Datum::Float8(if spread.is_deviation() { variance.sqrt() } else { variance }))
    }

    /// Source: `float8_corr`, `float8_regr_slope` and their like.
    pub(super) fn regression(&self, regression: Regression) -> Result<Datum<'static>, EvalError> {
        let count = self.count;
        if regression == Regression::Count {
            return Ok(Datum::Int(count.max(0)));
        }
        if count < 1 {
            return Ok(Datum::Null);
        }
        // All of them, as PostgreSQL's transition does: an overflow of one is an overflow of all functions.
        let (x, y) = (self.x.total()?, self.y.total()?);
        let (xx, yy) = (self.x.deviations(count)?, self.y.deviations(count)?);
        let xy = if self.x.is_finite() && self.y.is_finite() {
            centered(count, &self.products, &self.x.sum, &self.y.sum)?
        } else {
            f64::NAN
        };
        let rows = count as f64;
        let answer = match regression {
            Regression::Count => rows,
            Regression::AverageX => x / rows,
            Regression::AverageY => y / rows,
            Regression::DeviationsX => xx,
            Regression::DeviationsY => yy,
            Regression::DeviationsXY => xy,
            Regression::CovariancePopulation => xy / rows,
            Regression::CovarianceSample if count < 2 => return Ok(Datum::Null),
            Regression::CovarianceSample => xy / (rows - 1.0),
            Regression::Correlation if xx == 0.0 || yy == 0.0 => return Ok(Datum::Null),
            Regression::Correlation => xy / (xx * yy).sqrt(),
            Regression::Determination | Regression::Slope | Regression::Intercept if xx == 0.0 => {
                return Ok(Datum::Null);
            }
            Regression::Determination if yy == 0.0 => 1.0,
            Regression::Determination => (xy * xy) / (xx * yy),
            Regression::Slope => xy / xx,
            Regression::Intercept => (y - x * xy / xx) / rows,
        };
        Ok(Datum::Float8(answer))
    }
}
