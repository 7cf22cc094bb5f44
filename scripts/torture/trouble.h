/* What tests/data/stub_plugin.c does with a note when it is compiled with -include of this: at some of its patches
   it gets into TROUBLE, a statement, and for each note it writes a letter to the file TALLY: "!" if there is trouble,
   "." if there is none. A patch is always the same; about SHARE of them are in trouble. */
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    int32_t type, size, at, flags, length, offset;
    unsigned char bytes[4];
} MidiEvent;
typedef struct {
    int32_t count;
    intptr_t reserved;
    MidiEvent *events[2];
} Events;

#define NOISE "All work and no play makes a plugin print megabytes.\n"

/* Not at the ends of its range: an agent may stay there, and a plugin that always crashes ends a training. */
static int in_trouble(float value) { return value > 0 && value < 1 && fmod(value * 9973.0, 1) < SHARE; }

static void on_notes(const Events *events, float value) {
    for (int i = 0; i < events->count; i++) {
        const unsigned char *bytes = events->events[i]->bytes;
        if ((bytes[0] & 0xf0) != 0x90 || bytes[2] == 0) continue;
        int tally = open(TALLY, O_WRONLY | O_CREAT | O_APPEND, 0600);
        write(tally, in_trouble(value) ? "!" : ".", 1);
        close(tally);
        if (in_trouble(value)) TROUBLE;
    }
}
#define ON_NOTE on_notes(to, values[2])
