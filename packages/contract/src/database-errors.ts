/** Errors of a database as a whole: its protection, its size limit, its deletion and its file. */
export const databaseErrors = {
  delete_protected: {
    status: 409,
    message:
      'Delete protection is on for {databases}. Nothing was deleted. Update the database with "deleteProtected": false first.',
  },
  database_full: {
    status: 409,
    message:
      'The database would grow above its limit "maxBytes", {maxBytes}. It stores {bytes}. Nothing was changed. Delete rows or tables, or ask an admin of the namespace to raise "maxBytes".',
  },
  database_damaged: {
    status: 500,
    message:
      "This database can't be served: its file is damaged, missing or older than its records. Ask the operator to repair or restore the file. If you don't need the data, delete the database.",
  },
  database_deleting: {
    status: 409,
    message: 'Database "{slug}" is being deleted. Choose another name, or try again when the deletion finishes.',
  },
} as const satisfies Record<string, { status: number; message: string }>
