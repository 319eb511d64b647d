// PipelineExecution
