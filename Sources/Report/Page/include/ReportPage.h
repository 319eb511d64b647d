// The style and the scripts of the report, which the compiler embeds.
#pragma once

// Each a text that ends with a zero byte.
const char *report_page_style(void);
const char *report_page_script(void);
