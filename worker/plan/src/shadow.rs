//! Structure: DataFusion's `SqlToRel` over canonical queries.
//!
//! Every column, literal and stub call is `Utf8` to DataFusion, conditions are `Boolean`. These are shadows: the true types are found in
//! `lower`, and DataFusion has nothing to coerce, fold or refuse.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema};
use datafusion_common::{DFSchema, Result, TableReference, config::ConfigOptions, not_impl_err};
use datafusion_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, Expr, HigherOrderUDF, LogicalPlan,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TableSource, Volatility, WindowUDF,
    function::AccumulatorArgs, logical_plan::builder::LogicalTableSource,
};
use datafusion_sql::{
    planner::{ContextProvider, ParserOptions, PlannerContext, SqlToRel},
    sqlparser::ast,
};
use offtake_lir::CollectionId;

use crate::{
    error::PlanError,
    relations::Relations,
    resolve::canonical::{self as form, AGGREGATE, CONDITION},
};

/// The structure of a canonical query.
pub(crate) fn arrange(
    query: ast::Query,
    relations: &Relations,
) -> std::result::Result<LogicalPlan, PlanError> {
    let shadow = Shadow::new(relations);
    SqlToRel::new_with_options(&shadow, options())
        .sql_statement_to_plan(ast::Statement::Query(Box::new(query)))
        .map_err(|error| PlanError::internal(error.strip_backtrace()))
}

/// The structure of a canonical expression without columns.
pub(crate) fn arrange_expr(expr: ast::Expr) -> std::result::Result<Expr, PlanError> {
    let relations = Relations::default();
    let shadow = Shadow::new(&relations);
    SqlToRel::new_with_options(&shadow, options())
        .sql_to_expr(expr, &DFSchema::empty(), &mut PlannerContext::new())
        .map_err(|error| PlanError::internal(error.strip_backtrace()))
}

fn options() -> ParserOptions {
    ParserOptions { enable_ident_normalization: false, collect_spans: false, ..ParserOptions::default() }
}

struct Shadow<'a> {
    relations: &'a Relations,
    options: ConfigOptions,
    functions: RefCell<HashMap<String, Arc<ScalarUDF>>>,
    aggregates: RefCell<HashMap<String, Arc<AggregateUDF>>>,
}

impl<'a> Shadow<'a> {
    fn new(relations: &'a Relations) -> Shadow<'a> {
        Shadow {
            relations,
            options: ConfigOptions::default(),
            functions: RefCell::default(),
            aggregates: RefCell::default(),
        }
    }
}

/// Reads what [`CollectionId`]'s `Display` wrote.
pub(crate) fn collection(name: &str) -> Option<CollectionId> {
    name.strip_prefix('u')?.parse().ok().map(CollectionId)
}

impl ContextProvider for Shadow<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let Some(relation) = collection(name.table()).and_then(|id| self.relations.get(id)) else {
            return not_impl_err!("no relation {name}");
        };
        let fields: Vec<Field> = (0..relation.columns.len())
            .map(|position| Field::new(form::column_name(position), DataType::Utf8, true))
            .collect();
        Ok(Arc::new(LogicalTableSource::new(Arc::new(Schema::new(fields)))))
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        if name.starts_with(AGGREGATE) {
            return None;
        }
        let mut functions = self.functions.borrow_mut();
        let stub = functions
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(ScalarUDF::new_from_impl(Stub::new(name))));
        Some(Arc::clone(stub))
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        if !name.starts_with(AGGREGATE) {
            return None;
        }
        let mut aggregates = self.aggregates.borrow_mut();
        let stub = aggregates
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(AggregateUDF::new_from_impl(Stub::new(name))));
        Some(Arc::clone(stub))
    }

    fn get_higher_order_meta(&self, _name: &str) -> Option<Arc<HigherOrderUDF>> {
        None
    }

    fn get_window_meta(&self, _name: &str) -> Option<Arc<WindowUDF>> {
        None
    }

    fn get_variable_type(&self, _variable_names: &[String]) -> Option<DataType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udaf_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn udwf_names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A function that is only a name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Stub {
    name: String,
    signature: Signature,
}

impl Stub {
    fn new(name: &str) -> Stub {
        Stub { name: name.to_owned(), signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn shadow_type(&self) -> DataType {
        if self.name == CONDITION { DataType::Boolean } else { DataType::Utf8 }
    }
}

impl ScalarUDFImpl for Stub {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(self.shadow_type())
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn invoke_with_args(&self, _args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        not_impl_err!("a shadow is never run")
    }
}

impl AggregateUDFImpl for Stub {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(arg_types.to_vec())
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        not_impl_err!("a shadow is never run")
    }
}
