"""Labels out to people, and their corrections back: a spreadsheet or a page.

In: a labeled dataset. Out: entries of the corrections log. `export`, `rows`, `import_sheet` and
`console` are the spreadsheet; `index`, `pictures`, `messages`, `service`, `server` and `page/` the
page; `agreement` compares labelers.
"""
