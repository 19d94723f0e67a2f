/* Standard input, output and error of a process. Not for pure code. */
#ifndef BASE_STANDARD_FILES_H
#define BASE_STANDARD_FILES_H

/* Takes the places of those that are closed, so that no socket and no data file gets them, and then
 * the lines that are meant for people. Reading and writing there fail with EBADF. Call it first in
 * main(). */
void standard_files_keep(void);

#endif
