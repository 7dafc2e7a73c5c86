/** Errors of the protection and the size limit of a database. */
export const databaseErrors = {
  delete_protected: {
    status: 409,
    message:
      'Delete protection is on for {databases}. Nothing was deleted. Update the database with "deleteProtected": false first.',
  },
  database_full: {
    status: 409,
    message:
      'The database stores {bytes}, and its limit "maxBytes" is {maxBytes}. Nothing was changed. Delete rows or tables, or ask an admin of the namespace to raise "maxBytes".',
  },
} as const satisfies Record<string, { status: number; message: string }>
