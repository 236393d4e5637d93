/**
 * Why a record, or a whole file, is rejected: a closed list of ours, the same from both engines.
 * The message beside the reason names the particulars (column, value, header…).
 */
export const RECORD_REASONS = {
  "bad-value": "the text of a column does not read as its type",
  "missing-value": "a column that may not be null has no value",
  "field-count": "the record has more or fewer fields than the header",
  "bad-quoting": "a quoted field is not closed, or text follows its closing quote",
  "bad-json": "the record is not valid JSON, or not an object",
  rule: "a rule of the dataset is not true for the row",
} as const;

export const FILE_REASONS = {
  empty: "the file has no bytes",
  "no-records": "the file has a header and no records, or an empty list of records",
  header: "the header misses a column, has one that is unknown, or names one twice",
  "too-many-rejects": "more of its records are bad than rejectLimit allows",
  unreadable: "the file is not of the format that its dataset declares",
  compression: "the file does not decompress to its end",
  encoding: "the file is not in the encoding that its dataset declares",
  gone: "this version of the object was deleted before it could be read",
} as const;

export type RecordReason = keyof typeof RECORD_REASONS;
export type FileReason = keyof typeof FILE_REASONS;
