"""What other programs make of PDF files: whether they are well formed, and their text."""

import json
import sys

import pikepdf
import pypdf

files = {}
for path in sys.argv[1:]:
    with pikepdf.open(path) as pdf:
        problems = [str(problem) for problem in pdf.check_pdf_syntax()]
    pages = [page.extract_text() for page in pypdf.PdfReader(path, strict=True).pages]
    files[path] = {"problems": problems, "pages": pages}
json.dump(files, sys.stdout)
