/*
 * The module `process` for QuickJS: starts a program. `os.exec` closes every descriptor that a process may have, one
 * by one, of which some runtimes allow a billion; and it does not tell why a program cannot be started.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include "quickjs.h"

static int is_changed(const char *line, char **changes, size_t count)
{
    size_t length = strcspn(line, "=") + 1, i;
    for (i = 0; i < count; i++) {
        if (strncmp(line, changes[i], length) == 0)
            return 1;
    }
    return 0;
}

/*
 * spawn(path, changes, stdin, stdout, stderr): the process id, or minus the errno. The environment is that of this
 * process but for the changes, byte by byte: it need not be UTF-8.
 */
static JSValue spawn(JSContext *ctx, JSValueConst this_value, int argc, JSValueConst *argv)
{
    posix_spawn_file_actions_t actions;
    const char *path = JS_ToCString(ctx, argv[0]), *changes, *line;
    char *arguments[] = { (char *)path, NULL }, **lines = NULL, **inherited;
    size_t length = 0, changed = 0, count;
    int target, fd, error;
    pid_t pid;
    JSValue value = JS_EXCEPTION;

    posix_spawn_file_actions_init(&actions);
    changes = JS_ToCStringLen(ctx, &length, argv[1]);
    if (path == NULL || changes == NULL)
        goto done;
    for (count = 0; environ[count] != NULL; count++)
        ;
    lines = js_mallocz(ctx, (count + length + 1) * sizeof(*lines)); /* each change ends with a NUL */
    if (lines == NULL)
        goto done;
    for (line = changes; line < changes + length; line += strlen(line) + 1)
        lines[changed++] = (char *)line;
    count = changed;
    for (inherited = environ; *inherited != NULL; inherited++) {
        if (!is_changed(*inherited, lines, changed))
            lines[count++] = *inherited;
    }
    for (target = 0; target < 3; target++) {
        if (JS_ToInt32(ctx, &fd, argv[2 + target]))
            goto done;
        posix_spawn_file_actions_adddup2(&actions, fd, target);
    }
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    error = posix_spawn(&pid, path, &actions, NULL, arguments, lines);
    value = JS_NewInt32(ctx, error ? -error : pid);
done:
    posix_spawn_file_actions_destroy(&actions);
    js_free(ctx, lines);
    JS_FreeCString(ctx, changes);
    JS_FreeCString(ctx, path);
    return value;
}

static const JSCFunctionListEntry functions[] = { JS_CFUNC_DEF("spawn", 5, spawn) };

static int init(JSContext *ctx, JSModuleDef *module)
{
    return JS_SetModuleExportList(ctx, module, functions, 1);
}

JSModuleDef *js_init_module_process(JSContext *ctx, const char *name)
{
    JSModuleDef *module = JS_NewCModule(ctx, name, init);
    if (module)
        JS_AddModuleExportList(ctx, module, functions, 1);
    return module;
}
