"""Lets people correct labels, in a spreadsheet or on a page in the browser.

In: a labeled dataset. Out: rows of the corrections log. Files of the spreadsheet:
`spreadsheet_export`, `rows`, `spreadsheet_import`, `console`; of the page: `index`, `image_cache`,
`messages`, `decisions`, `service`, `server`, `page/`. `agreement` compares labelers with people.
"""
