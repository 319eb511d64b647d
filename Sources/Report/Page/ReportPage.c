// Embeds the style and the scripts of the report, so that the program needs no file beside it.
#include "ReportPage.h"

// The compiler of Swift knows #embed, whatever standard it is told.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const char style[] = {
#embed "report.css"
    , 0};

// One script: strict from its first line, a file after the other.
static const char script[] = {
#embed "page.js"
    ,
#embed "tables.js"
    ,
#embed "charts.js"
    ,
#embed "forests.js"
    ,
#embed "distances.js"
    ,
#embed "live.js"
    ,
#embed "time.js"
    , 0};

const char *report_page_style(void) { return style; }
const char *report_page_script(void) { return script; }
