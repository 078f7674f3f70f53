//! Where the series of documents stand, and having one go on with another number.

use billing_client::v1::{
    DocumentSeries, ListDocumentSeriesRequest, ListDocumentSeriesResponse, SetDocumentSeriesRequest,
};
use tokio::runtime::Runtime;

use super::{
    args::{SeriesList, SeriesSet},
    connect::connect,
    exit::CommandError,
    table::{table, time},
};
use crate::{rest::text::to_answer, stdout};

/// Prints where all series stand.
pub(crate) fn list(command: &SeriesList) -> Result<(), CommandError> {
    let found = Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        let found = client.list_document_series(ListDocumentSeriesRequest {});
        Ok::<_, CommandError>(found.await?)
    })?;
    let text = if command.json {
        let message = "billing.v1.ListDocumentSeriesResponse";
        to_answer(message, &found).map_err(|error| CommandError::failure(error.message))?
    } else {
        listed(&found)
    };
    stdout::line(text)?;
    Ok(())
}

/// Has a series go on with a number, and prints where it stands.
pub(crate) fn set(command: &SeriesSet) -> Result<(), CommandError> {
    let request = SetDocumentSeriesRequest {
        series: command.series.clone(),
        year: command.year,
        next_number: command.next,
    };
    let set = Runtime::new()?.block_on(async {
        let client = connect(&command.client).await?;
        Ok::<_, CommandError>(client.set_document_series(request).await?)
    })?;
    let (series, year, next) = (&set.series, set.year, set.next_number);
    stdout::line(format_args!("the next number of {series}-{year} is {next}"))?;
    Ok(())
}

fn listed(found: &ListDocumentSeriesResponse) -> String {
    let header = ["series", "last document", "year", "next number"];
    table(header, 2, found.series.iter().map(row).collect())
}

fn row(row: &DocumentSeries) -> [String; 4] {
    [
        row.series.clone(),
        time(&row.last_at),
        row.year.to_string(),
        row.next_number.to_string(),
    ]
}
