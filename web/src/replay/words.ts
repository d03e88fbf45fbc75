// What the replay page's parts say alike.

/** The files that a recording may be in. */
export const accepted = '.jsonl,.gz,.json,.txt,application/jsonl,application/gzip';

/** Why a recording ends that was not ended by its server. */
export const endWords = {
  limit: 'The recording had reached its greatest size; the calls went on.',
  cut: 'The last line of the file is cut off: the server ended while it wrote it.',
  '': 'The file has no last line that says why it ends, as when the server was killed.',
};
