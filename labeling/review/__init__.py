"""Lets people correct labels, in a spreadsheet or on a page in the browser.

In: a labeled dataset. Out: rows of the corrections log. Files of the spreadsheet: `rows`,
`typed_entries`, `spreadsheet_export`, `row_merging`, `spreadsheet_import`, `console`; of the page:
`index`, `image_cache`, `messages`, `decisions`, `service`, `server`, `page/`. `agreement` compares
labelers with people.
"""
