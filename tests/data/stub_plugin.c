/* A VST2 instrument that misbehaves on demand, for tests of isolation. Written against the layout of
   the VST 2.4 binary interface; with -DEFFECT it takes audio and gives silence, and ON_LOAD is done as it
   is loaded, ON_NOTE as it gets notes. With -DCALM there is no trouble. With -DLAST=NAME its last but two
   parameter is a knob of -DSTEPS=N steps, whose text is cut and not rounded, and GAIN is what the sound is
   multiplied by: an expression, of the step for one. With -DPROGRAMS=N it has so many programs, each of another
   pitch; as the program BAD is selected it crashes. With -DINPUTS=N it takes audio, too. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Effect Effect;
struct Effect {
    int32_t magic;
    intptr_t (*dispatcher)(Effect *, int32_t, int32_t, intptr_t, void *, float);
    void (*process)(Effect *, float **, float **, int32_t);
    void (*set_parameter)(Effect *, int32_t, float);
    float (*get_parameter)(Effect *, int32_t);
    int32_t programs, parameters, inputs, outputs, flags;
    intptr_t reserved[2];
    int32_t delay, real_qualities, off_qualities;
    float io_ratio;
    void *object, *user;
    int32_t id, version;
    void (*process_replacing)(Effect *, float **, float **, int32_t);
    void (*process_double)(Effect *, double **, double **, int32_t);
    char future[56];
};

#ifdef LAST
#define START 0
#else
#define LAST "Pitch"
#define STEPS 0
#define START 0.25f
#endif
#ifndef ON_NOTE
#define ON_NOTE
#endif
#ifndef PROGRAMS
#define PROGRAMS 1
#endif
#ifndef BAD
#define BAD -1
#endif
#ifndef INPUTS
#define INPUTS 0
#endif
#ifndef GAIN
#define GAIN 1
#endif
static const char *names[] = {"Level", "Trouble", "Pitch", LAST, "Bypass", "MIDI CC 1|7"};
static const char *troubles[] = {"none", "exit", "hang", "nan", "segfault"};
enum { COUNT = 6 };
static float values[COUNT] = {0.5f, 0, 0.5f, START, 0, 0};
static double phase;
static int program;

static int step(void) { return (int)(values[3] * (STEPS - 1) + 0.001f); }
#ifdef CALM
static int trouble(void) { return 0; }
#else
static int trouble(void) { return (int)(values[1] * 4 + 0.5f); }
#endif

static void render(Effect *effect, float **in, float **out, int32_t frames) {
    switch (trouble()) {
    case 1: exit(0);
    case 2: for (;;) pause();
    case 4: *(volatile int *)0 = 0;
    }
    for (int i = 0; i < frames; i++) {
        phase += 0.01 + 0.1 * values[2];
        float x = trouble() == 3 ? NAN : GAIN * values[0] * (float)sin(phase);
#ifdef EFFECT
        x = 0;
#endif
        out[0][i] = x;
        out[1][i] = x;
    }
}

static void set_parameter(Effect *effect, int32_t index, float value) { values[index] = value; }
static float get_parameter(Effect *effect, int32_t index) { return values[index]; }

static intptr_t dispatch(Effect *effect, int32_t code, int32_t index, intptr_t value, void *to, float option) {
    switch (code) {
    case 2: /* select a program */
        if (value == BAD) *(volatile int *)0 = 0;
        program = (int)value;
        values[2] = PROGRAMS == 1 ? 0.5f : (float)program / (PROGRAMS - 1);
        return 0;
    case 3: return program;
    case 29: strcpy(to, "Program"); return 1; /* the name of a program; a host that is told none selects each */
    case 7: /* display */
        if (index == 1) strcpy(to, troubles[trouble()]);
        else if (index == 3 && STEPS) snprintf(to, 8, "%d", step());
        else snprintf(to, 8, "%.3f", values[index]);
        return 1;
    case 8: strcpy(to, names[index]); return 1;
    case 25: ON_NOTE; return 1;
    case 35: return 2; /* category: synth */
    case 45: case 47: case 48: strcpy(to, "Stub"); return 1;
    case 51: return strcmp(to, "receiveVstMidiEvent") == 0; /* can do */
    case 58: return 2400; /* VST version */
    }
    return 0;
}

static Effect stub = {
    .magic = 0x56737450, .dispatcher = dispatch, .set_parameter = set_parameter,
    .get_parameter = get_parameter, .programs = PROGRAMS, .parameters = COUNT,
#ifdef EFFECT
    .inputs = 2, .flags = 1 << 4,
#else
    .inputs = INPUTS, .flags = 1 << 4 | 1 << 8,
#endif
    .outputs = 2, .io_ratio = 1, .id = 0x53747562, .version = 1, .process_replacing = render,
};

#ifndef ON_LOAD
#define ON_LOAD
#endif
Effect *VSTPluginMain(void *master) {
    ON_LOAD;
    return &stub;
}
